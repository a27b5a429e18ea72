#!/usr/bin/env python3
"""Frames a guest may or may not send.

  frames.py listen INTERFACE                 prints the names of the frames that come, until `end` has come
  frames.py send INTERFACE MAC ADDRESS       sends each frame once
  frames.py end INTERFACE MAC ADDRESS        sends `end`

Every frame carries its name behind a mark, wherever its protocol leaves room.
"""
import socket, struct, sys

MARK = b"SKYDECK-TEST:"
ALL = b"\xff" * 6
OTHER_MAC, OTHER_IP = bytes.fromhex("fa163fffffff"), socket.inet_aton("10.1.0.99")


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(source, kind, payload, tag=b""):
    return ALL + source + tag + struct.pack("!H", kind) + payload


def mark(name):
    return MARK + name.encode() + b";" + b"\0" * 20


def udp(name, source_port, port):
    data = mark(name)
    return struct.pack("!HHHH", source_port, port, 8 + len(data), 0) + data


def ipv4(source, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, 17, 0, source, b"\xff" * 4)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ipv6(source, protocol, payload):
    source = socket.inet_pton(socket.AF_INET6, source)
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload), protocol, 255, source, socket.inet_pton(socket.AF_INET6, "ff02::1")) + payload


def icmpv6(name, kind, target="::"):
    # The mark is an option of its own (RFC 4727), or switches that look into options take the rest for nothing.
    option = b"\xfd\0" + mark(name)
    option += b"\0" * (-len(option) % 8)
    option = option[:1] + bytes([len(option) // 8]) + option[2:]
    return struct.pack("!BBHI", kind, 0, 0, 0) + socket.inet_pton(socket.AF_INET6, target) + option


def link_local(mac):
    half = bytes([mac[0] ^ 2, mac[1], mac[2], 0xFF, 0xFE, mac[3], mac[4], mac[5]])
    return socket.inet_ntop(socket.AF_INET6, b"\xfe\x80" + b"\0" * 6 + half)


def arp(name, mac, address):
    return struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 2, mac, address, ALL, address) + mark(name)


def frames(mac, address):
    """In the order in which they are sent."""
    link = link_local(mac)
    yield "own", ethernet(mac, 0x0800, ipv4(address, udp("own", 1000, 5555)))
    yield "other-mac", ethernet(OTHER_MAC, 0x0800, ipv4(address, udp("other-mac", 1000, 5555)))
    yield "other-address", ethernet(mac, 0x0800, ipv4(OTHER_IP, udp("other-address", 1000, 5555)))
    yield "arp-own", ethernet(mac, 0x0806, arp("arp-own", mac, address))
    yield "arp-other-mac", ethernet(mac, 0x0806, arp("arp-other-mac", OTHER_MAC, address))
    yield "arp-other-address", ethernet(mac, 0x0806, arp("arp-other-address", mac, OTHER_IP))
    yield "dhcp-request", ethernet(mac, 0x0800, ipv4(b"\0" * 4, udp("dhcp-request", 68, 67)))
    yield "dhcp-answer", ethernet(mac, 0x0800, ipv4(address, udp("dhcp-answer", 67, 68)))
    yield "nothing-to-68", ethernet(mac, 0x0800, ipv4(b"\0" * 4, udp("nothing-to-68", 1000, 68)))
    yield "neighbour", ethernet(mac, 0x86DD, ipv6(link, 58, icmpv6("neighbour", 136, link)))
    yield "neighbour-other", ethernet(mac, 0x86DD, ipv6(link, 58, icmpv6("neighbour-other", 136, "2001:db8::1")))
    yield "neighbour-nobody", ethernet(mac, 0x86DD, ipv6("::", 58, icmpv6("neighbour-nobody", 136, "2001:db8::1")))
    yield "probe", ethernet(mac, 0x86DD, ipv6("::", 58, icmpv6("probe", 135, "2001:db8::1")))
    yield "nobody", ethernet(mac, 0x86DD, ipv6("::", 17, udp("nobody", 1000, 5555)))
    yield "other-link", ethernet(mac, 0x86DD, ipv6("fe80::1", 17, udp("other-link", 1000, 5555)))
    yield "router", ethernet(mac, 0x86DD, ipv6(link, 58, icmpv6("router", 134)))
    yield "redirect", ethernet(mac, 0x86DD, ipv6(link, 58, icmpv6("redirect", 137)))
    yield "dhcp6-answer", ethernet(mac, 0x86DD, ipv6(link, 17, udp("dhcp6-answer", 547, 546)))
    yield "other-address6", ethernet(mac, 0x86DD, ipv6("2001:db8::1", 17, udp("other-address6", 1000, 5555)))
    yield "unknown-protocol", ethernet(mac, 0x88B5, mark("unknown-protocol"))


def main():
    what, interface = sys.argv[1:3]
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    raw.bind((interface, 0))
    if what != "listen":
        mac, address = bytes.fromhex(sys.argv[3].replace(":", "")), socket.inet_aton(sys.argv[4])
        end = [("end", ethernet(mac, 0x0800, ipv4(address, udp("end", 1000, 5555))))]
        for _, frame in frames(mac, address) if what == "send" else end:
            raw.send(frame.ljust(60, b"\0"))
        return
    print("listening", flush=True)
    name = None
    while name != "end":
        frame = raw.recv(2048)
        if MARK in frame:
            name = frame.split(MARK)[1].split(b";")[0].decode()
            print(name, flush=True)


main()
