# python3 pysocks.py PROXY-PORT ADDRESS NAME: talks to the servers behind a SOCKS5 proxy on loopback. Prints "done".
import hashlib
import socket
import sys

import socks

port, address, name = int(sys.argv[1]), sys.argv[2], sys.argv[3]


def new(kind, password="secret"):
    new = socks.socksocket(socket.AF_INET, kind)
    new.set_proxy(socks.SOCKS5, "127.0.0.1", port, True, "alice", password)
    new.settimeout(60)
    return new


def receive_all(stream):
    return b"".join(iter(lambda: stream.recv(65536), b""))


for host in (address, name):
    page = new(socket.SOCK_STREAM)
    page.connect((host, 80))
    page.sendall(b"GET / HTTP/1.0\r\n\r\n")
    assert receive_all(page).endswith(b"a page in the tunnel by HTTP/1.0")

# Half-close: all comes back after our end.
data = bytes(range(256)) * 4096
echo = new(socket.SOCK_STREAM)
echo.connect((name, 7))
echo.sendall(data)
echo.shutdown(socket.SHUT_WR)
assert hashlib.sha256(receive_all(echo)).digest() == hashlib.sha256(data).digest()

for target, password, error in (
    ((address, 81), "secret", "Connection refused"),
    (("192.0.2.1", 80), "secret", "Host unreachable"),
    (("no.other", 80), "secret", "Host unreachable"),
    ((address, 80), "wrong", "authentication failed"),
):
    try:
        new(socket.SOCK_STREAM, password).connect(target)
        sys.exit("connected to %s:%d" % target)
    except socks.ProxyError as failure:
        assert error in str(failure), failure

# One association for all targets: each server sees the same source.
datagrams = new(socket.SOCK_DGRAM)
for size in (0, 1, 1400, 9000):
    for host in (address, name):
        datagrams.sendto(b"x" * size, (host, 7))
        assert datagrams.recvfrom(65535) == (b"x" * size, (address, 7))
sources = set()
for target in (8, 9):
    datagrams.sendto(b"who am I?", (address, target))
    answer, sender = datagrams.recvfrom(65535)
    assert sender == (address, target), sender
    sources.add(answer)
assert len(sources) == 1, sources
# Whoever knows it may answer: the mapping does not depend on the target.
host, source = sources.pop().decode().split(" ")
datagrams.sendto(source.encode(), (address, 10))
answer, sender = datagrams.recvfrom(65535)
assert (answer, sender) == (b"from elsewhere", (address, 11)), (answer, sender)
print("done")
