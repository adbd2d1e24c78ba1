"""Candidates as plain data, and a ledger that enters choices the way leads.services.pool does."""

from dataclasses import replace

from routing.choice import ONE, Candidate, Decision, choose


def candidate(name, *, id=None, weight=1, open_count=0, max_load=10, **rest) -> Candidate:
    ids = {"Anna": 1, "Boris": 2, "Clara": 3}
    return Candidate(id or ids[name], name, weight, open_count, max_load, **rest)


class Ledger:
    """Operators of one source, who come and go, and every choice entered."""

    def __init__(self, weights):
        self.rows = {n: Candidate(n, str(n), weight, 0, 100) for n, weight in enumerate(weights, start=1)}

    def give(self) -> Decision:
        decision = choose(list(self.rows.values()), strategy="fair")
        for c in decision.eligible:
            received = c.received_count + (c.id == decision.chosen)
            self.rows[c.id] = replace(c, due=c.due + c.weight * decision.step, received_count=received)
        return decision

    def change(self, id, **fields):
        self.rows[id] = replace(self.rows[id], **fields)

    def leave(self, id):
        self.change(id, away="off_duty")

    def come_back(self, id):
        self.change(id, away="")

    def credit(self, id) -> float:
        return self.rows[id].credit / ONE

    @property
    def furthest(self) -> float:
        """How far the one who is furthest from their share is from it."""
        return max(abs(row.credit) for row in self.rows.values()) / ONE
