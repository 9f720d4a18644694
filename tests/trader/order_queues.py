"""What an order-by-order book must equal: a list of [order id, lots] for each side and price. Plain Python."""


class Queues:
    """Orders in their queues."""

    def __init__(self):
        self.queues = {}
        self.where = {}

    def add(self, side, order_id, ticks, lots):
        self.queues.setdefault((side, ticks), []).append([order_id, lots])
        self.where[order_id] = (side, ticks)

    def order(self, order_id):
        return next(order for order in self.queues[self.where[order_id]] if order[0] == order_id)

    def take(self, order_id, lots):
        order = self.order(order_id)
        order[1] -= lots
        if order[1] == 0:
            self.remove(order_id)

    def remove(self, order_id):
        place = self.where.pop(order_id)
        self.queues[place] = [order for order in self.queues[place] if order[0] != order_id]
        if not self.queues[place]:
            del self.queues[place]

    def amend(self, order_id, lots):
        order = self.order(order_id)
        if lots <= order[1]:
            order[1] = lots
            return
        side, ticks = self.where[order_id]
        self.remove(order_id)
        self.add(side, order_id, ticks, lots)

    def position(self, order_id):
        side, ticks = self.where[order_id]
        queue = self.queues[side, ticks]
        at = [order[0] for order in queue].index(order_id)
        lots = [order[1] for order in queue]
        return side, ticks, lots[at], at, sum(lots[:at]), len(queue) - at - 1, sum(lots[at + 1 :])

    def levels(self, side):
        found = [
            (ticks, sum(lots for _, lots in queue)) for (where, ticks), queue in self.queues.items() if where == side
        ]
        return sorted(found, reverse=side == "bid")
