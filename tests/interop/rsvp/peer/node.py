"""An RSVP node of few words: sender, receiver and transit hop by RFC 2205 section 3, for unicast sessions.

It keeps path state by session and sender, reservation state by session, next hop and filter, refreshes both by its own
timers and lets them die by those of its neighbours. It reserves nothing.
"""

import random
import time

import wire
from wire import first

K = 3


def lifetime(millis):
    """RFC 2205 section 3.7: (K + 0.5) * 1.5 * R, in seconds."""
    return (K + 0.5) * 1.5 * millis / 1000


def jittered(millis):
    return random.uniform(0.5, 1.5) * millis / 1000


class Path:
    """Path state: of one sender in one session."""

    def __init__(self):
        self.phop = self.handle = self.incoming = None
        self.dies = None
        self.refresh = 0.0
        self.objects = []
        self.ttl = 63
        self.outgoing = None
        self.non_rsvp = False


class Node:
    def __init__(self, interfaces, raw, report, transit, serves):
        self.interfaces, self.raw, self.report = interfaces, raw, report
        self.transit, self.serves = transit, serves
        self.millis = 30000
        self.paths = {}  # (session, sender) -> Path
        self.resvs = {}  # (session, next hop or "here", filter or None) -> dict
        self.asked = {}  # (session, previous hop) -> when the Resv is due
        self.errors = 0

    # Time.

    def due(self):
        times = [p.refresh for p in self.paths.values()]
        times += [p.dies for p in self.paths.values() if p.dies]
        times += [r["dies"] for r in self.resvs.values() if r["dies"]]
        times += list(self.asked.values())
        return min(times, default=None)

    def tick(self):
        now = time.monotonic()
        for key, path in list(self.paths.items()):
            if path.dies and path.dies <= now:
                self.report({"expired": "path", "sender": self.text(wire.TEMPLATE, key[1])})
                self.forget_path(key)
            elif path.refresh <= now:
                self.send_path(key)
        dead = [key for key, resv in self.resvs.items() if resv["dies"] and resv["dies"] <= now]
        if dead:
            self.report({"expired": "resv", "count": len(dead)})
            self.drop_resvs(dead)
        for (session, phop), when in list(self.asked.items()):
            if when <= now:
                self.send_resv(session, phop)

    @staticmethod
    def text(number, body):
        return wire.show_object(number, 1, body) if body else None

    # Sending.

    def transmit(self, kind, source, destination, ttl, objects, alert=False, interface=None):
        message = {"type": kind, "ttl": ttl, "objects": objects}
        octets = wire.encode(message)
        self.report({"sent": wire.show(message), "from": source, "to": destination})
        try:
            self.raw.send(source, destination, ttl, octets, alert, interface)
        except OSError as error:
            self.report({"failed": str(error)})

    def towards(self, hop):
        """The own address and interface on the way to a neighbour."""
        index = self.interfaces.route(hop)
        return self.interfaces.own.get(index), index

    def send_path(self, key, kind=wire.PATH):
        """RFC 2205 section 3.1.3: the sender's address as source, this node's as hop."""
        path = self.paths[key]
        session, sender = key
        path.refresh = time.monotonic() + jittered(self.millis)
        if path.outgoing is None or path.ttl < 1:
            return
        own = self.interfaces.own[path.outgoing]
        objects = [(wire.SESSION, 1, session), wire.hop(own, 0x5000 + path.outgoing)]
        if kind == wire.PATH:
            objects.append(wire.time_values(self.millis))
        later = []
        for number, c_type, body in path.objects:
            if number == wire.ADSPEC and path.incoming is not None:
                body = self.compose(path, body)
            later.append((number, c_type, body))
        objects += [one for one in later if one[0] not in (11, 12, 13)]
        objects += [(wire.TEMPLATE, 1, sender)] + [one for one in later if one[0] in (12, 13)]
        destination = wire.address(session[:4])
        source = wire.address(sender[:4])
        self.transmit(kind, source, destination, path.ttl, objects, True, path.outgoing)

    def compose(self, path, body):
        """RFC 2210 section 3.3: one hop more; the break bits of services that this node lacks are set."""
        values = wire.show_adspec(body)
        values["hops"] += 1
        values["mtu"] = min(values["mtu"], self.interfaces.mtu[path.outgoing])
        values["bandwidth"] = min(values["bandwidth"], 12.5e6)
        values["break"] = values["break"] or path.non_rsvp
        for service in ("guaranteed", "controlled_load"):
            if service in values and service not in self.serves:
                values[service]["break"] = True
        if "Ctot" not in values.get("guaranteed", {"Ctot": 0}):
            values["guaranteed"].update(Ctot=0, Dtot=0, Csum=0, Dsum=0)
        return wire.adspec(values)[2]

    def matching(self, session, sender):
        """The reservations that are for a sender: those that name it, and those of style WF."""
        return {k: r for k, r in self.resvs.items() if k[0] == session and k[2] in (None, sender)}

    def send_resv(self, session, phop, kind=wire.RESV, only=None):
        """One Resv or ResvTear for all senders behind a previous hop (RFC 2205 section 3.1.4)."""
        self.asked.pop((session, phop), None)
        senders = [k[1] for k, p in self.paths.items() if k[0] == session and p.phop == phop]
        if only is not None:
            senders = [one for one in senders if one in only]
        path = next((p for k, p in self.paths.items() if k[0] == session and p.phop == phop), None)
        wanted = only if only is not None else {}
        found = {s: wanted.get(s) or list(self.matching(session, s).values()) for s in senders}
        found = {sender: resvs for sender, resvs in found.items() if resvs}
        if not found or path is None:
            return
        own, index = self.towards(phop)
        resvs = [resv for some in found.values() for resv in some]
        name = resvs[0]["style"]
        objects = [(wire.SESSION, 1, session), wire.hop(own, path.handle)]
        if kind == wire.RESV:
            objects.append(wire.time_values(self.millis))
            confirm = next((r.pop("confirm") for r in resvs if r.get("confirm")), None)
            if confirm:
                objects.append((wire.CONFIRM, 1, confirm))
        others = []
        for resv in resvs:
            others += [one for one in resv["others"] if one not in others]
        objects += others + [wire.style(name)]
        if name == "FF":
            for sender, some in found.items():
                objects += [merge(some), (wire.FILTER, 1, sender)]
        else:
            objects.append(merge(resvs))
            if name == "SE":
                objects += [(wire.FILTER, 1, sender) for sender in found]
        self.transmit(kind, own, phop, 255, objects, False, index)
        if kind == wire.RESV:
            self.asked[(session, phop)] = time.monotonic() + jittered(self.millis)

    def ask_all(self, session):
        """Resv to every previous hop of a session, now."""
        for phop in {p.phop for k, p in self.paths.items() if k[0] == session and p.phop}:
            self.send_resv(session, phop)

    # The end of state.

    def forget_path(self, key, tell=True):
        """RFC 2205 section 3.1.5: PathTear goes on; reservations for the sender alone go, without a word upstream."""
        path = self.paths[key]
        if tell:
            self.send_path(key, wire.PATH_TEAR)
        del self.paths[key]
        session, sender = key
        for resv in [k for k in self.resvs if k[0] == session and k[2] == sender]:
            del self.resvs[resv]
        if not any(k[0] == session and p.phop == path.phop for k, p in self.paths.items()):
            self.asked.pop((session, path.phop), None)

    def drop_resvs(self, keys):
        """RFC 2205 section 3.1.6: ResvTear goes on for what nobody else reserves; else a Resv with what is left."""
        gone = {}
        for key in keys:
            gone[key] = self.resvs.pop(key)
        for session in {key[0] for key in gone}:
            for phop in {p.phop for k, p in self.paths.items() if k[0] == session and p.phop}:
                torn, changed = {}, False
                for (where, sender), path in self.paths.items():
                    named = [r for k, r in gone.items() if k[0] == session and k[2] in (None, sender)]
                    if where != session or path.phop != phop or not named:
                        continue
                    if self.matching(session, sender):
                        changed = True
                    else:
                        torn[sender] = named
                if torn:
                    self.send_resv(session, phop, wire.RESV_TEAR, torn)
                if changed:
                    self.send_resv(session, phop)
                elif not any(self.matching(session, k[1]) for k in self.paths if k[0] == session):
                    self.asked.pop((session, phop), None)

    # Arrivals.

    def arrive(self, arrived, octets):
        try:
            message = wire.decode(octets)
            shown = wire.show(message)
        except wire.Bad as why:
            self.errors += 1
            self.report({"bad": str(why), **arrived, "octets": octets.hex()})
            return
        self.report({"saw": shown, **arrived})
        handlers = {
            wire.PATH: self.on_path,
            wire.PATH_TEAR: self.on_path_tear,
            wire.RESV: self.on_resv,
            wire.RESV_TEAR: self.on_resv_tear,
            wire.PATH_ERR: self.on_path_err,
            wire.RESV_ERR: self.on_resv_err,
            wire.RESV_CONF: self.on_resv_conf,
        }
        if message["type"] in handlers:
            handlers[message["type"]](arrived, message)

    def on_path(self, arrived, message):
        session, sender = first(message, wire.SESSION), first(message, wire.TEMPLATE)
        unknown = [one for one in message["objects"] if one[0] < 128 and one[0] > 15 and one[0] != 23]
        if unknown:
            # RFC 2205 section 3.10: classes 0bbbbbbb that are not known refuse the whole message.
            self.refuse_path(message, 13, unknown[0][0] << 8 | unknown[0][1])
            return
        if sender is None:
            return
        key = (session, sender)
        path = self.paths.setdefault(key, Path())
        hop, handle = first(message, wire.HOP)[:4], int.from_bytes(first(message, wire.HOP)[4:], "big")
        # What goes with the state: policy and what is not known but to be forwarded.
        objects = [
            (number, c_type, body)
            for number, c_type, body in message["objects"]
            if number in (wire.POLICY, wire.TSPEC, wire.ADSPEC) or number >= 192
        ]
        moved = path.phop is not None and (path.phop, path.handle) != (wire.address(hop), handle)
        changed = path.phop is None or moved or path.objects != objects
        path.phop, path.handle, path.objects = wire.address(hop), handle, objects
        path.incoming, path.ttl = arrived["if"], min(arrived["ip_ttl"], message["ttl"]) - 1
        path.non_rsvp = arrived["ip_ttl"] != message["ttl"]
        path.dies = time.monotonic() + lifetime(wire.show_object(wire.TIME, 1, first(message, wire.TIME)))
        destination = wire.address(session[:4])
        here = self.interfaces.is_own(destination)
        path.outgoing = None if here or not self.transit else self.interfaces.route(destination)
        if path.outgoing == path.incoming:
            path.outgoing = None
        if changed:
            self.send_path(key)
            if self.matching(session, sender):
                self.send_resv(session, path.phop)

    def refuse_path(self, message, code, value):
        """RFC 2205 section 3.1.7: to the previous hop, with the sender descriptor."""
        phop = wire.address(first(message, wire.HOP)[:4])
        own, index = self.towards(phop)
        objects = [(wire.SESSION, 1, first(message, wire.SESSION)), wire.error_spec(own, 0, code, value)]
        descriptor = (wire.TEMPLATE, wire.TSPEC, wire.ADSPEC)
        objects += [one for one in message["objects"] if one[0] in descriptor]
        self.transmit(wire.PATH_ERR, own, phop, 255, objects, False, index)

    def on_path_tear(self, arrived, message):
        key = (first(message, wire.SESSION), first(message, wire.TEMPLATE))
        hop = wire.address(first(message, wire.HOP)[:4])
        if key in self.paths and self.paths[key].phop == hop:
            self.paths[key].ttl = min(arrived["ip_ttl"], message["ttl"]) - 1
            self.forget_path(key)

    def on_resv(self, arrived, message):
        session = first(message, wire.SESSION)
        nhop = wire.address(first(message, wire.HOP)[:4])
        name = wire.style_of(message)
        senders = [k[1] for k in self.paths if k[0] == session]
        if not senders:
            self.refuse_resv(message, nhop, 3, 0)
            return
        if any(r["style"] != name for k, r in self.resvs.items() if k[0] == session):
            self.refuse_resv(message, nhop, 5, 0)
            return
        millis = wire.show_object(wire.TIME, 1, first(message, wire.TIME))
        others = [one for one in message["objects"] if one[0] >= 192 or one[0] == wire.POLICY]
        confirm, changed = first(message, wire.CONFIRM), False
        for spec, filters in wire.descriptors(message):
            known = [one for one in filters if one in senders] if filters else [None]
            if not known:
                self.refuse_resv(message, nhop, 4, 0)
            for one in known:
                new = {
                    "style": name,
                    "flowspec": spec,
                    "others": others,
                    "dies": time.monotonic() + lifetime(millis),
                }
                old = self.resvs.get((session, nhop, one), {})
                same = old and all(old[k] == new[k] for k in ("style", "flowspec", "others"))
                changed = changed or not same or confirm is not None
                self.resvs[(session, nhop, one)] = {**new, "confirm": confirm}
        if not changed:
            return
        for (where, _), path in self.paths.items():
            if where == session and path.phop is None:
                # The sender is here: the reservation stands, as far as it depends on us.
                self.confirm(session, message, confirm)
                break
        else:
            self.ask_all(session)

    def confirm(self, session, message, receiver):
        if receiver is None:
            return
        own, index = self.towards(wire.address(receiver))
        objects = [(wire.SESSION, 1, session), wire.error_spec(own, 0, 0, 0), (wire.CONFIRM, 1, receiver)]
        objects += [one for one in message["objects"] if one[0] in (wire.STYLE, wire.FLOWSPEC, wire.FILTER)]
        self.transmit(wire.RESV_CONF, own, wire.address(receiver), 63, objects, True, index)

    def refuse_resv(self, message, nhop, code, value, flags=0):
        """RFC 2205 section 3.1.8: to the next hop, with the flow descriptor."""
        own, index = self.towards(nhop)
        objects = [(wire.SESSION, 1, first(message, wire.SESSION)), wire.hop(own, 0)]
        objects.append(wire.error_spec(own, flags, code, value))
        objects += [one for one in message["objects"] if one[0] in (wire.STYLE, wire.FLOWSPEC, wire.FILTER)]
        self.transmit(wire.RESV_ERR, own, nhop, 255, objects, False, index)

    def on_resv_tear(self, arrived, message):
        session, nhop = first(message, wire.SESSION), wire.address(first(message, wire.HOP)[:4])
        filters = [body for number, _, body in message["objects"] if number == wire.FILTER] or [None]
        self.drop_resvs([k for k in ((session, nhop, one) for one in filters) if k in self.resvs])

    def on_path_err(self, arrived, message):
        key = (first(message, wire.SESSION), first(message, wire.TEMPLATE))
        path = self.paths.get(key)
        if path is not None and path.phop is not None:
            own, index = self.towards(path.phop)
            self.transmit(wire.PATH_ERR, own, path.phop, 255, message["objects"], False, index)

    def on_resv_err(self, arrived, message):
        """To every next hop with a reservation that matches; the hop object is this node's."""
        session = first(message, wire.SESSION)
        filters = [body for number, _, body in message["objects"] if number == wire.FILTER] or [None]
        hops = {k[1] for k in self.resvs if k[0] == session and k[1] != "here" and k[2] in filters}
        for nhop in sorted(hops):
            own, index = self.towards(nhop)
            objects = [
                wire.hop(own, 0) if number == wire.HOP else (number, c_type, body)
                for number, c_type, body in message["objects"]
            ]
            self.transmit(wire.RESV_ERR, own, nhop, 255, objects, False, index)

    def on_resv_conf(self, arrived, message):
        receiver = wire.address(first(message, wire.CONFIRM))
        if self.transit and not self.interfaces.is_own(receiver):
            own, index = self.towards(receiver)
            ttl = min(arrived["ip_ttl"], message["ttl"]) - 1
            self.transmit(wire.RESV_CONF, arrived["from"], receiver, ttl, message["objects"], True, index)


def merge(resvs):
    """RFC 2205 section 3.11.2, RFC 2210 section 3.2: the larger of each, the smaller of m, M and S."""
    specs = [wire.show_flowspec(resv["flowspec"]) for resv in resvs]
    merged = dict(specs[0])
    for spec in specs[1:]:
        for name in ("r", "b", "p", "R"):
            if name in merged:
                merged[name] = max(float(merged[name]), float(spec[name]))
        for name in ("m", "M", "S"):
            if name in merged:
                merged[name] = min(merged[name], spec[name])
    return wire.flowspec(merged)
