# OpenAI's library for Python: a stream, and a second turn of the same conversation. Needs: pip install openai
# Start a gateway first, then: python3 examples/python/openai_stream.py

import os

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("GATEWAY_URL", "http://127.0.0.1:8787/v1"),
    api_key=os.environ.get("API_KEY", "none"),
)
messages = []
for question in ("My favourite colour is teal.", "What is my favourite colour?"):
    print(f"> {question}")
    messages.append({"role": "user", "content": question})
    stream = client.chat.completions.create(
        model=os.environ.get("MODEL", "qwen3-max"), messages=messages, stream=True
    )
    answer = ""
    for chunk in stream:
        for choice in chunk.choices:
            answer += choice.delta.content or ""
            print(choice.delta.content or "", end="", flush=True)
    print()
    messages.append({"role": "assistant", "content": answer})
