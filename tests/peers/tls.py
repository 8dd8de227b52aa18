"""Says the same to a service over TLS by urllib and by http.client, as a client does that knows
nothing but the origin. Its stdout: what came back, each a line."""

import http.client
import ssl
import sys
import urllib.request

origin = sys.argv[1]
body = "ein Größenwert".encode()
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
request = urllib.request.Request(origin + "/echo", data=body, method="POST")
with direct.open(request) as response:
    print("urllib", response.status, response.read().decode())

context = ssl.create_default_context()
context.verify_flags |= ssl.VERIFY_X509_STRICT
host = origin.removeprefix("https://")
connection = http.client.HTTPSConnection(host, context=context)
connection.request("POST", "/echo", body)
response = connection.getresponse()
print("strict", response.status, response.read().decode())
