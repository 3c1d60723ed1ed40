# No library: a stream read by hand, and what to mind. Start a gateway first, then: python3 examples/python/stream.py

import json
import os
import sys
import urllib.error
import urllib.request

base_url = os.environ.get("GATEWAY_URL", "http://127.0.0.1:8787/v1")

request = urllib.request.Request(
    f"{base_url}/chat/completions",
    data=json.dumps(
        {
            "model": os.environ.get("MODEL", "qwen3-max"),
            "stream": True,
            "messages": [{"role": "user", "content": "Count from 1 to 20"}],
        }
    ).encode(),
    headers={
        "content-type": "application/json",
        "authorization": f"Bearer {os.environ.get('API_KEY', 'none')}",
    },
)

try:
    # Of silence: the gateway says something every 15 s, also while the model thinks.
    response = urllib.request.urlopen(request, timeout=60)
except urllib.error.HTTPError as refusal:
    sys.exit(json.load(refusal)["error"]["message"])

is_whole = False
with response:
    # Bytes, until a line is whole: a character may be cut in two between them.
    for line in response:
        # Lines with a colon in front are comments that keep the connection alive.
        if not line.startswith(b"data: "):
            continue
        data = line[len(b"data: ") :].strip()
        if data == b"[DONE]":
            is_whole = True
            break
        event = json.loads(data)
        # What fails behind the first word comes as an event.
        if "error" in event:
            print()
            sys.exit(event["error"]["message"])
        for choice in event["choices"]:
            print(choice["delta"].get("content") or "", end="", flush=True)
print()
if not is_whole:
    sys.exit("The stream broke off before its end")
