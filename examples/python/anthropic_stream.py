# Anthropic's library for Python: a stream, and a tool that the model calls. Needs: pip install anthropic
# Start a gateway first, then: python3 examples/python/anthropic_stream.py

import json
import os

from anthropic import Anthropic

client = Anthropic(
    # Without /v1, which the library adds.
    base_url=os.environ.get("GATEWAY_ORIGIN", "http://127.0.0.1:8787"),
    api_key=os.environ.get("API_KEY", "none"),
)
model = os.environ.get("MODEL", "qwen3-max")

with client.messages.stream(
    model=model, max_tokens=1000, messages=[{"role": "user", "content": "Count from 1 to 5"}]
) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)
print()

tools = [
    {
        "name": "get_weather",
        "description": "The weather of a city",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }
]
messages = [{"role": "user", "content": "Call get_weather with city=Riga"}]
asked = client.messages.create(model=model, max_tokens=1000, tools=tools, messages=messages)
call = next(block for block in asked.content if block.type == "tool_use")
print(call.name, json.dumps(call.input))

messages.append({"role": "assistant", "content": asked.content})
messages.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "rain"}]})
answer = client.messages.create(model=model, max_tokens=1000, tools=tools, messages=messages)
print("".join(block.text for block in answer.content if block.type == "text"))
