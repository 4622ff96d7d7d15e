"""A test peer for RSVP, written from RFC 2205 and 2210 and nothing else: standard library only, IPv4, unicast.

usage: peer [--transit] [--serves guaranteed,controlled_load]

Reads commands as JSON, a line each, and prints what it sees and does in the same way:

  {"do": "refresh", "millis": 500}            R, from now on
  {"do": "send", "session": ["10.0.0.2", 17, 5004], "sender": ["10.0.0.1", 5000],
   "tspec": {"r":.., "b":.., "p":.., "m":.., "M":..}, "adspec": {..}, "others": [[201, 1, "00ff"]], "ttl": 63}
  {"do": "stop_sending", "session": [..], "sender": [..], "tear": true}
  {"do": "reserve", "session": [..], "style": "FF", "flows": [[flowspec, [["10.0.0.1", 5000]]]], "confirm": true}
  {"do": "stop_reserving", "session": [..], "tear": true}
  {"do": "refuse", "session": [..], "code": 1, "value": 2, "flags": 0}   a ResvErr to every next hop
  {"do": "refuse_sender", "session": [..], "sender": [..], "code": 2, "value": 4}   a PathErr to the previous hop
  {"do": "end"}                               also when the input ends; state is left to die

  {"ready": true}   {"saw": message, "from": .., "to": .., "ip_ttl": .., "alert": .., "if": ..}
  {"sent": message, ..}   {"bad": why, ..}   {"expired": "path" | "resv", ..}
"""

import json
import os
import select
import sys
import time

import wire
from link import Interfaces, Raw
from node import Node, Path


def report(what):
    print(json.dumps(what), flush=True)


def session_of(words):
    destination, protocol, port = words
    return wire.session(destination, protocol, port)[2]


def sender_of(words):
    return wire.template(*words)[2]


def send(node, command):
    key = (session_of(command["session"]), sender_of(command["sender"]))
    path = node.paths.setdefault(key, Path())
    path.objects = [(number, c_type, bytes.fromhex(body)) for number, c_type, body in command.get("others", [])]
    path.objects.append(wire.sender_tspec(command["tspec"]))
    if "adspec" in command:
        path.objects.append(wire.adspec(command["adspec"]))
    path.ttl = command.get("ttl", 63)
    path.outgoing = node.interfaces.route(command["session"][0])
    node.send_path(key)


def stop_sending(node, command):
    key = (session_of(command["session"]), sender_of(command["sender"]))
    node.forget_path(key, command.get("tear", True))


def reserve(node, command):
    session = session_of(command["session"])
    others = [(number, c_type, bytes.fromhex(body)) for number, c_type, body in command.get("others", [])]
    confirm = wire.octets_of(command["session"][0]) if command.get("confirm") else None
    node.resvs = {key: resv for key, resv in node.resvs.items() if key[:2] != (session, "here")}
    for flowspec, filters in command["flows"]:
        body = wire.flowspec(flowspec)[2]
        for one in [sender_of(words) for words in filters] or [None]:
            resv = {"style": command["style"], "flowspec": body, "others": others, "dies": None}
            node.resvs[(session, "here", one)] = {**resv, "confirm": confirm}
    node.ask_all(session)


def stop_reserving(node, command):
    session = session_of(command["session"])
    keys = [key for key in node.resvs if key[:2] == (session, "here")]
    if command.get("tear", True):
        node.drop_resvs(keys)
    else:
        node.resvs = {key: resv for key, resv in node.resvs.items() if key not in keys}
        node.asked = {key: when for key, when in node.asked.items() if key[0] != session}


def refuse(node, command):
    session = session_of(command["session"])
    for (where, nhop, one), resv in list(node.resvs.items()):
        if where == session and nhop != "here":
            objects = [(wire.SESSION, 1, session), wire.style(resv["style"]), (wire.FLOWSPEC, 2, resv["flowspec"])]
            if one is not None:
                objects.append((wire.FILTER, 1, one))
            node.refuse_resv({"objects": objects}, nhop, command["code"], command["value"], command.get("flags", 0))


def refuse_sender(node, command):
    key = (session_of(command["session"]), sender_of(command["sender"]))
    path = node.paths[key]
    objects = [(wire.SESSION, 1, key[0]), wire.hop(path.phop, path.handle), (wire.TEMPLATE, 1, key[1]), *path.objects]
    node.refuse_path({"objects": objects}, command["code"], command["value"])


def refresh(node, command):
    node.millis = command["millis"]


COMMANDS = {
    "send": send,
    "stop_sending": stop_sending,
    "reserve": reserve,
    "stop_reserving": stop_reserving,
    "refuse": refuse,
    "refuse_sender": refuse_sender,
    "refresh": refresh,
}


def main(words):
    if "-h" in words or "--help" in words:
        print(__doc__)
        return
    serves = words[words.index("--serves") + 1].split(",") if "--serves" in words else []
    raw = Raw("--transit" in words)
    node = Node(Interfaces(), raw, report, "--transit" in words, serves)
    report({"ready": True})
    typed = b""
    while True:
        due = node.due()
        wait = None if due is None else max(0.0, due - time.monotonic())
        readable, _, _ = select.select([sys.stdin, raw], [], [], wait)
        node.tick()
        if raw in readable:
            node.arrive(*raw.receive())
        if sys.stdin in readable:
            octets = os.read(sys.stdin.fileno(), 65536)
            if not octets:
                return
            *lines, typed = (typed + octets).split(b"\n")
            for line in lines:
                command = json.loads(line)
                if command["do"] == "end":
                    return
                COMMANDS[command["do"]](node, command)


if __name__ == "__main__":
    main(sys.argv[1:])
