#!/usr/bin/env python3
"""Asks for an IPv6 address by DHCP (RFC 8415), as a client without state does: dhcp6.py INTERFACE

Prints `address=`, `dns=` and `search=` lines. Its identifier says nothing of the interface's Ethernet address, so the server must
know that by itself.
"""
import socket, struct, sys, uuid

SOLICIT, ADVERTISE, REQUEST, REPLY = 1, 2, 3, 7
CLIENT, SERVER, IA_NA, ADDRESS, WANTED, STATUS, DNS, SEARCH = 1, 2, 3, 5, 6, 13, 23, 24


def option(code, data):
    return struct.pack("!HH", code, len(data)) + data


def options(data):
    while len(data) >= 4:
        code, length = struct.unpack("!HH", data[:4])
        yield code, data[4:4 + length]
        data = data[4 + length:]


def text(address):
    return socket.inet_ntop(socket.AF_INET6, address)


def domain(data):
    parts = []
    while data and data[0]:
        parts.append(data[1:1 + data[0]].decode())
        data = data[1 + data[0]:]
    return ".".join(parts)


def main():
    index = socket.if_nametoindex(sys.argv[1])
    server = ("ff02::1:2", 547, 0, index)
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.bind(("::", 546, 0, index))
    s.settimeout(3)
    identity = option(CLIENT, struct.pack("!H", 4) + uuid.uuid4().bytes)
    wanted = option(WANTED, struct.pack("!HH", DNS, SEARCH))

    def ask(kind, number, more, expected):
        message = struct.pack("!I", kind << 24 | number) + identity + more + wanted
        s.sendto(message, server)
        while True:
            answer = s.recv(2048)
            if struct.unpack("!I", answer[:4])[0] == expected << 24 | number:
                return list(options(answer[4:]))

    ia = struct.pack("!III", 1, 0, 0)
    offered = ask(SOLICIT, 1, option(IA_NA, ia), ADVERTISE)
    who = [option(code, data) for code, data in offered if code == SERVER]
    inner = [data for code, data in offered if code == IA_NA]
    if not inner:
        sys.exit("no address is offered")
    reply = ask(REQUEST, 2, who[0] + option(IA_NA, inner[0]), REPLY)
    for code, data in reply:
        if code == IA_NA:
            for code, data in options(data[12:]):
                if code == ADDRESS:
                    print("address=" + text(data[:16]))
                if code == STATUS and struct.unpack("!H", data[:2])[0]:
                    sys.exit(data[2:].decode())
        elif code == DNS:
            for at in range(0, len(data), 16):
                print("dns=" + text(data[at:at + 16]))
        elif code == SEARCH:
            print("search=" + domain(data))


main()
