"""How many connections fit: sums, pool sizes, queues, bursts, and the lines to write."""
