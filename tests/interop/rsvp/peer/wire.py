"""RSVP on the wire, from the pictures of RFC 2205 appendix A and RFC 2210 section 3; IPv4 only.

A message is a dict of "type", "ttl" and "objects", a list of (class, C-Type, body) in the order of the wire. `encode` and
`decode` turn it to octets and back, `show` makes what is printed as JSON of it. Everything that is against the RFC
raises `Bad` with its reason.
"""

import socket
import struct

PATH, RESV, PATH_ERR, RESV_ERR, PATH_TEAR, RESV_TEAR, RESV_CONF = range(1, 8)
TYPES = {
    PATH: "Path",
    RESV: "Resv",
    PATH_ERR: "PathErr",
    RESV_ERR: "ResvErr",
    PATH_TEAR: "PathTear",
    RESV_TEAR: "ResvTear",
    RESV_CONF: "ResvConf",
}

SESSION, HOP, INTEGRITY, TIME, ERROR, SCOPE, STYLE = 1, 3, 4, 5, 6, 7, 8
FLOWSPEC, FILTER, TEMPLATE, TSPEC, ADSPEC, POLICY, CONFIRM = 9, 10, 11, 12, 13, 14, 15
STYLES = {"FF": 0x0A, "SE": 0x12, "WF": 0x11}

# What each message must have, and may have besides (RFC 2205 section 3.1.3 to 3.1.9). After STYLE nothing but flow
# descriptors may come.
MUST = {
    PATH: {SESSION, HOP, TIME},
    RESV: {SESSION, HOP, TIME, STYLE},
    PATH_ERR: {SESSION, ERROR},
    RESV_ERR: {SESSION, HOP, ERROR, STYLE},
    PATH_TEAR: {SESSION, HOP},
    RESV_TEAR: {SESSION, HOP, STYLE},
    RESV_CONF: {SESSION, ERROR, CONFIRM, STYLE},
}
MAY = {
    PATH: {POLICY, TEMPLATE, TSPEC, ADSPEC},
    RESV: {CONFIRM, SCOPE, POLICY, FLOWSPEC, FILTER},
    PATH_ERR: {POLICY, TEMPLATE, TSPEC, ADSPEC},
    RESV_ERR: {SCOPE, POLICY, FLOWSPEC, FILTER},
    PATH_TEAR: {TEMPLATE, TSPEC, ADSPEC},
    RESV_TEAR: {SCOPE, FLOWSPEC, FILTER},
    RESV_CONF: {FLOWSPEC, FILTER},
}
REPEATED = {POLICY, FLOWSPEC, FILTER}


class Bad(Exception):
    """A message that is not to be believed."""


def address(octets):
    return socket.inet_ntoa(octets)


def octets_of(text):
    return socket.inet_aton(text)


def checksum(octets):
    """The ones' complement of the ones' complement sum."""
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


# Objects: a function a class that makes one.


def session(destination, protocol, port, flags=0):
    return (SESSION, 1, octets_of(destination) + struct.pack("!BBH", protocol, flags, port))


def hop(own, handle):
    return (HOP, 1, octets_of(own) + struct.pack("!I", handle))


def time_values(millis):
    return (TIME, 1, struct.pack("!I", millis))


def error_spec(node, flags, code, value):
    return (ERROR, 1, octets_of(node) + struct.pack("!BBH", flags, code, value))


def style(name):
    return (STYLE, 1, struct.pack("!I", STYLES[name]))


def filter_spec(source, port):
    return (FILTER, 1, octets_of(source) + struct.pack("!HH", 0, port))


def template(source, port):
    return (TEMPLATE, 1, octets_of(source) + struct.pack("!HH", 0, port))


def confirm(receiver):
    return (CONFIRM, 1, octets_of(receiver))


def bucket(tspec):
    """The token bucket parameter, 127: r b p as floats, m M as integers."""
    values = (tspec["r"], tspec["b"], float(tspec["p"]), tspec["m"], tspec["M"])
    return struct.pack("!BBHfffII", 127, 0, 5, *values)


def sender_tspec(tspec):
    return (TSPEC, 2, struct.pack("!HHBBH", 0, 7, 1, 0, 6) + bucket(tspec))


def flowspec(spec):
    """Controlled load (service 5), or guaranteed (2) if it has R."""
    if "R" not in spec:
        return (FLOWSPEC, 2, struct.pack("!HHBBH", 0, 7, 5, 0, 6) + bucket(spec))
    rspec = struct.pack("!BBHfI", 130, 0, 2, spec["R"], spec.get("S", 0))
    return (FLOWSPEC, 2, struct.pack("!HHBBH", 0, 10, 2, 0, 9) + bucket(spec) + rspec)


def adspec(values):
    """General parameters, then guaranteed and controlled load if they are there."""
    general = (values["hops"], values["bandwidth"], values["latency"], values["mtu"])
    words = struct.pack("!BBH", 1, 0x80 if values.get("break") else 0, 8)
    for number, form, value in zip((4, 6, 8, 10), "IfII", general):
        words += struct.pack("!BBH" + form, number, 0, 1, value)
    if "guaranteed" in values:
        one = values["guaranteed"]
        words += struct.pack("!BBH", 2, 0x80 if one.get("break") else 0, 8)
        for number, name in zip((133, 134, 135, 136), ("Ctot", "Dtot", "Csum", "Dsum")):
            words += struct.pack("!BBHI", number, 0, 1, one[name])
    if "controlled_load" in values:
        words += struct.pack("!BBH", 5, 0x80 if values["controlled_load"].get("break") else 0, 0)
    return (ADSPEC, 2, struct.pack("!HH", 0, len(words) // 4) + words)


def encode(message):
    body = b"".join(
        struct.pack("!HBB", len(octets) + 4, number, c_type) + octets
        for number, c_type, octets in message["objects"]
    )
    first = 0x10 | message.get("flags", 0)
    head = struct.pack("!BBHBBH", first, message["type"], 0, message["ttl"], 0, len(body) + 8)
    whole = head + body
    return whole[:2] + struct.pack("!H", checksum(whole) or 0xFFFF) + whole[4:]


def decode(octets):
    """A message, if it is one by the rules of RFC 2205; `Bad` if not."""
    if len(octets) < 8 or len(octets) % 4:
        raise Bad(f"{len(octets)} octets")
    first, kind, given, ttl, reserved, length = struct.unpack("!BBHBBH", octets[:8])
    if first >> 4 != 1:
        raise Bad(f"version {first >> 4}")
    if length != len(octets):
        raise Bad(f"length {length} of {len(octets)}")
    if given and checksum(octets):
        raise Bad("checksum")
    if reserved:
        raise Bad("reserved octet of the header is not zero")
    message = {"type": kind, "ttl": ttl, "flags": first & 15, "objects": []}
    at = 8
    while at < len(octets):
        size, number, c_type = struct.unpack("!HBB", octets[at : at + 4])
        if size < 4 or size % 4 or at + size > len(octets):
            raise Bad(f"object {number} of {size} octets at {at}")
        message["objects"].append((number, c_type, octets[at + 4 : at + size]))
        at += size
    check(message)
    return message


def check(message):
    """Which objects a message has, and in which order."""
    kind = message["type"]
    if kind not in MUST:
        return
    seen, styled = set(), False
    for number, c_type, _ in message["objects"]:
        if number == 0:
            continue
        if styled and number not in (FLOWSPEC, FILTER):
            raise Bad(f"object {number} after STYLE")
        if number > CONFIRM or number == INTEGRITY:
            # Of other RFCs, or of none: whoever gets the message says what becomes of it.
            continue
        if number not in MUST[kind] | MAY[kind]:
            raise Bad(f"object {number} in {TYPES[kind]}")
        if number in seen and number not in REPEATED:
            raise Bad(f"object {number} twice in {TYPES[kind]}")
        if number in (FLOWSPEC, FILTER) and not styled:
            raise Bad("a flow descriptor before STYLE")
        if c_type != (2 if number in (FLOWSPEC, TSPEC, ADSPEC) else 1):
            raise Bad(f"object {number} of C-Type {c_type}")
        seen.add(number)
        styled = styled or number == STYLE
    if MUST[kind] - seen:
        raise Bad(f"no object {sorted(MUST[kind] - seen)} in {TYPES[kind]}")
    if (TEMPLATE in seen) != (TSPEC in seen) and kind == PATH:
        raise Bad("half a sender descriptor")
    if styled and kind in (RESV, RESV_CONF):
        descriptors(message)


def descriptors(message):
    """The flow descriptors of a Resv, as pairs of flowspec and filters (RFC 2205 section 3.1.4)."""
    name = style_of(message)
    found, spec = [], None
    for number, _, body in message["objects"]:
        if number == FLOWSPEC:
            spec = body
            if name == "WF" or (name == "SE" and not found):
                found.append((body, []))
            elif name == "SE":
                raise Bad("two flowspecs in SE")
        elif number == FILTER:
            if spec is None and message["type"] not in (RESV_TEAR, RESV_ERR):
                raise Bad("a filter before the first flowspec")
            if name == "FF":
                found.append((spec, [body]))
            elif name == "SE":
                if not found:
                    found.append((None, []))
                found[0][1].append(body)
            else:
                raise Bad("a filter in WF")
    if message["type"] == RESV and (not found or (name == "SE" and not found[0][1])):
        raise Bad(f"no descriptor in {name}")
    return found


def first(message, number):
    """The body of the first object of a class, or None."""
    return next((body for which, _, body in message["objects"] if which == number), None)


def style_of(message):
    body = first(message, STYLE)
    vector = struct.unpack("!I", body)[0] & 0x00FFFFFF
    for name, known in STYLES.items():
        if vector == known:
            return name
    raise Bad(f"style {vector:#x}")


def show_bucket(words):
    number, flags, length, r, b, p, m, most = struct.unpack("!BBHfffII", words[:24])
    if (number, flags, length) != (127, 0, 5):
        raise Bad(f"parameter {number} of {length} words where 127 is due")
    # JSON has no infinity.
    return {"r": r, "b": b, "p": "inf" if p == float("inf") else p, "m": m, "M": most}


def services(body):
    """The fragments of an IntServ object: service number, break bit, parameters."""
    version, length = struct.unpack("!HH", body[:4])
    if version or length * 4 != len(body) - 4:
        raise Bad(f"IntServ version {version >> 12}, {length} words of {len(body) - 4} octets")
    at = 4
    while at < len(body):
        number, flags, size = struct.unpack("!BBH", body[at : at + 4])
        if at + 4 + size * 4 > len(body):
            raise Bad(f"service {number} of {size} words")
        if flags & 0x7F:
            raise Bad(f"reserved bits of service {number}")
        yield number, bool(flags & 0x80), body[at + 4 : at + 4 + size * 4]
        at += 4 + size * 4


def parameters(words):
    at, found = 0, {}
    while at < len(words):
        number, _, size = struct.unpack("!BBH", words[at : at + 4])
        found[number] = words[at + 4 : at + 4 + size * 4]
        at += 4 + size * 4
    return found


def show_tspec(body):
    [(number, _, words)] = services(body)
    if number != 1:
        raise Bad(f"service {number} in a Tspec")
    return show_bucket(words)


def show_flowspec(body):
    [(number, _, words)] = services(body)
    shown = {"service": number, **show_bucket(words)}
    if number == 2:
        shown["R"], shown["S"] = struct.unpack("!fI", parameters(words)[130])
    elif number != 5:
        raise Bad(f"service {number} in a flowspec")
    return shown


def show_adspec(body):
    shown, last = {}, 0
    for number, broken, words in services(body):
        if number <= last:
            raise Bad("services of an Adspec out of order")
        last = number
        known = parameters(words)
        if number == 1:
            form = {"hops": (4, "!I"), "bandwidth": (6, "!f"), "latency": (8, "!I"), "mtu": (10, "!I")}
            shown.update({name: struct.unpack(f, known[n])[0] for name, (n, f) in form.items()})
            shown["break"] = broken
        elif number == 2:
            names = {133: "Ctot", 134: "Dtot", 135: "Csum", 136: "Dsum"}
            terms = {name: struct.unpack("!I", known[n])[0] for n, name in names.items() if n in known}
            shown["guaranteed"] = {"break": broken, **terms}
        elif number == 5:
            shown["controlled_load"] = {"break": broken}
    return shown


def show_object(number, c_type, body):
    """What an object says, for people and tests."""
    if number in (FILTER, TEMPLATE):
        return "%s:%d" % (address(body[:4]), struct.unpack("!HH", body[4:])[1])
    if number == SESSION:
        protocol, flags, port = struct.unpack("!BBH", body[4:])
        text = f"{address(body[:4])}:{port}/{protocol}"
        return text + ("!" if flags & 1 else "")
    if number == HOP:
        return {"address": address(body[:4]), "handle": struct.unpack("!I", body[4:])[0]}
    if number == TIME:
        return struct.unpack("!I", body)[0]
    if number == ERROR:
        flags, code, value = struct.unpack("!BBH", body[4:])
        return {"node": address(body[:4]), "flags": flags, "code": code, "value": value}
    if number == SCOPE:
        return [address(body[at : at + 4]) for at in range(0, len(body), 4)]
    if number == CONFIRM:
        return address(body)
    if number == TSPEC:
        return show_tspec(body)
    if number == FLOWSPEC:
        return show_flowspec(body)
    if number == ADSPEC:
        return show_adspec(body)
    return [number, c_type, body.hex()]


NAMES = {
    SESSION: "session",
    HOP: "hop",
    TIME: "refresh",
    ERROR: "error",
    SCOPE: "scope",
    FILTER: "filters",
    FLOWSPEC: "flowspecs",
    TEMPLATE: "sender",
    TSPEC: "tspec",
    ADSPEC: "adspec",
    CONFIRM: "confirm",
}


def show(message):
    """A message as JSON shows it."""
    kind = message["type"]
    shown = {"type": TYPES.get(kind, kind), "ttl": message["ttl"], "flags": message.get("flags", 0)}
    for number, c_type, body in message["objects"]:
        if number == 0:
            continue
        if number == STYLE:
            shown["style"] = style_of(message)
            continue
        value = show_object(number, c_type, body)
        if number in (FILTER, FLOWSPEC):
            shown.setdefault(NAMES[number], []).append(value)
        elif number in NAMES:
            shown[NAMES[number]] = value
        else:
            shown.setdefault("others", []).append(value)
    return shown
