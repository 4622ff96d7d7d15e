"""The kernel's side: interfaces, routes and raw sockets (IPv4, Linux)."""

import fcntl
import socket
import struct

from wire import address, octets_of

RSVP = 46
ROUTER_ALERT = b"\x94\x04\x00\x00"
IP_ROUTER_ALERT, IP_PKTINFO, IP_TOS_CS6 = 5, 8, 0xC0
SIOCGIFADDR, SIOCGIFMTU = 0x8915, 0x8921


class Interfaces:
    """Those with an IPv4 address, loopback aside."""

    def __init__(self):
        self.own = {}
        self.mtu = {}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            for index, name in socket.if_nameindex():
                request = struct.pack("256s", name.encode())
                try:
                    answer = fcntl.ioctl(asking, SIOCGIFADDR, request)
                except OSError:
                    continue
                if name != "lo":
                    self.own[index] = address(answer[20:24])
                    answer = fcntl.ioctl(asking, SIOCGIFMTU, request)
                    self.mtu[index] = struct.unpack("16xi", answer[:20])[0]

    def is_own(self, where):
        return where in self.own.values()

    def index_of(self, own):
        return next((index for index, one in self.own.items() if one == own), None)

    def route(self, destination):
        """The interface towards a destination, as the kernel would choose it; None for this node itself."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            try:
                asking.connect((destination, 9))
            except OSError:
                return None
            return None if self.is_own(destination) else self.index_of(asking.getsockname()[0])


class Raw:
    """Protocol 46: what is for this node, and, on a router, what carries router alert."""

    def __init__(self, transit):
        self.incoming = socket.socket(socket.AF_INET, socket.SOCK_RAW, RSVP)
        self.incoming.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        if transit:
            self.incoming.setsockopt(socket.IPPROTO_IP, IP_ROUTER_ALERT, 1)
        self.incoming.setblocking(False)
        self.outgoing = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def fileno(self):
        return self.incoming.fileno()

    def receive(self):
        """A datagram: its IP header as a dict, and what is behind it."""
        octets, ancillary, _, _ = self.incoming.recvmsg(65535, 256)
        header = (octets[0] & 15) * 4
        arrived = {
            "from": address(octets[12:16]),
            "to": address(octets[16:20]),
            "ip_ttl": octets[8],
            "alert": ROUTER_ALERT in octets[20:header],
            "if": 0,
        }
        for level, kind, data in ancillary:
            if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
                arrived["if"] = struct.unpack("i", data[:4])[0]
        return arrived, octets[header:]

    def send(self, source, destination, ttl, payload, alert, interface=None):
        """Sends with an IP header of our own, so that the source may be somebody else's."""
        option = ROUTER_ALERT if alert else b""
        words = 5 + len(option) // 4
        header = struct.pack("!BBHHHBBH", 0x40 | words, IP_TOS_CS6, 0, 0, 0, ttl, RSVP, 0)
        header += octets_of(source) + octets_of(destination) + option
        ancillary = []
        if interface is not None:
            info = struct.pack("i4s4s", interface, bytes(4), bytes(4))
            ancillary.append((socket.IPPROTO_IP, IP_PKTINFO, info))
        self.outgoing.sendmsg([header + payload], ancillary, 0, (destination, 0))

