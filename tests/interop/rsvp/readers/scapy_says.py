"""What scapy makes of a capture: `scapy_says.py read FILE` prints a line of JSON a packet; `write` prints messages of its own.

Of a packet: the header's fields, the objects as [class, C-Type, length], what scapy knows of the insides, and whether
scapy gets the same octets when it writes, from its fields alone, what it has read.
"""

import json
import logging
import struct
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)

from scapy.contrib.rsvp import RSVP, RSVP_Data, RSVP_HOP, RSVP_Object, RSVP_SenderTSPEC, RSVP_Time  # noqa: E402
from scapy.packet import Raw  # noqa: E402
from scapy.utils import PcapNgReader  # noqa: E402


def again(packet):
    """The octets of a copy that has only the fields: lengths and checksum of the header worked out anew."""
    layers, layer = [], packet
    while layer and layer.name != "NoPayload":
        fields = {name: value for name, value in layer.fields.items() if name not in ("chksum",)}
        layers.append(layer.__class__(**fields))
        layer = layer.payload
    whole = layers[0]
    whole.Length = None
    for one in layers[1:]:
        whole = whole / one
    return bytes(whole)


def read(path):
    for packet in PcapNgReader(path):
        message = packet[RSVP]
        said = {"type": message.Class, "flags": message.Flags, "ttl": message.TTL, "length": message.Length}
        said["objects"], said["inside"] = [], []
        layer = message.payload
        while layer.name != "NoPayload":
            if isinstance(layer, RSVP_Object):
                said["objects"].append([layer.Class, layer.C_Type, layer.Length])
            elif isinstance(layer, RSVP_HOP):
                said["inside"].append(["hop", layer.neighbor, layer.inface])
            elif isinstance(layer, RSVP_Time):
                said["inside"].append(["refresh", layer.refresh])
            elif isinstance(layer, RSVP_SenderTSPEC):
                said["inside"].append(["tspec", layer.Srv_hdr, layer.Srv_Length, layer.Tokens.hex()])
            elif isinstance(layer, Raw):
                said["inside"].append(["not understood", bytes(layer).hex()])
            layer = layer.payload
        octets = bytes(message.original)
        said["same"] = again(message) == octets
        print(json.dumps(said))


def thing(number, c_type, body):
    return RSVP_Object(Class=number, C_Type=c_type, Length=4 + len(body)) / RSVP_Data(Data=body)


def write():
    destination, source, node = bytes([192, 0, 2, 9]), bytes([192, 0, 2, 2]), bytes([192, 0, 2, 3])
    bucket = struct.pack("!BBHfffII", 127, 0, 5, 625000, 20000, 1250000, 100, 1500)
    session = thing(1, 1, destination + struct.pack("!BBH", 6, 0, 5004))
    hop = RSVP_Object(Length=12) / RSVP_HOP(neighbor="192.0.2.1", inface=0x08000403)
    refresh = RSVP_Object(Length=8) / RSVP_Time(refresh=30000)
    sender = thing(11, 1, source + struct.pack("!HH", 0, 5002))
    tspec = RSVP_Object(C_Type=2, Length=36) / RSVP_SenderTSPEC(Data_Length=7, Srv_Length=6, Tokens=bucket)
    flowspec = thing(9, 2, struct.pack("!HHBBH", 0, 7, 5, 0, 6) + bucket)
    one = thing(10, 1, source + struct.pack("!HH", 0, 5002))
    error = thing(6, 1, node + struct.pack("!BBH", 1, 1, 2))
    confirmed = thing(6, 1, node + struct.pack("!BBH", 0, 0, 0))
    confirm = thing(15, 1, destination)
    style = {name: thing(8, 1, struct.pack("!I", vector)) for name, vector in (("FF", 10), ("SE", 18), ("WF", 17))}
    for kind, objects in (
        (1, [session, hop, refresh, sender, tspec]),
        (2, [session, hop, refresh, confirm, style["FF"], flowspec, one]),
        (2, [session, hop, refresh, style["SE"], flowspec, one]),
        (2, [session, hop, refresh, style["WF"], flowspec]),
        (3, [session, error, sender, tspec]),
        (4, [session, hop, error, style["FF"], flowspec, one]),
        (5, [session, hop, sender]),
        (6, [session, hop, style["FF"], flowspec, one]),
        (7, [session, confirmed, confirm, style["FF"], flowspec, one]),
        # In an order that is permissible, and not the usual one (RFC 2205 section 3.1.2).
        (1, [refresh, hop, sender, tspec, session]),
    ):
        message = RSVP(Flags=0, Class=kind, TTL=63)
        for each in objects:
            message = message / each.copy()
        print(bytes(message).hex())


if sys.argv[1] == "read":
    read(sys.argv[2])
else:
    write()
