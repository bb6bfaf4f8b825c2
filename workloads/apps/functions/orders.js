'use strict';
// Groups orders by customer, sums them and sorts by total.
exports.handler = async (event) => {
  const groups = new Map();
  for (let copy = 0; copy < event.copies; copy++) {
    for (const o of JSON.parse(JSON.stringify(event.orders))) {
      const g = groups.get(o.customer) ?? { customer: o.customer, orders: 0, cents: 0 };
      g.orders += 1;
      g.cents += o.quantity * o.cents;
      groups.set(o.customer, g);
    }
  }
  return [...groups.values()].sort((a, b) => b.cents - a.cents || (a.customer < b.customer ? -1 : 1));
};
