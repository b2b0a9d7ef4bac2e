/*
 * DPDK's libraries over the tables that `kernels write FOLDER` wrote: main [EAL options] -- FOLDER.
 * Checks every answer and prints a line for each way to ask: table, name, nanoseconds per key.
 */
#include <rte_eal.h>

#include "peer.h"

#define VISITS 4 /* NICs with rules on the way through the hub */
#define HOPS 2	 /* subnets with a route table on that way */

/* What a router built from these libraries would ask for one packet; no parsing, no state, no rewriting. */
static void whole_way(struct acl_table *rules[VISITS], struct lpm_table *routes[HOPS])
{
	for (unsigned first = 0; first < KEYS; first += BATCH) {
		for (unsigned v = 0; v < VISITS; v++)
			acl_batch(rules[v], first);
		for (unsigned h = 0; h < HOPS; h++)
			lpm_batch(routes[h], first);
	}
}

int main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);
	if (used < 0 || used + 1 >= argc)
		FAIL("usage: main [EAL options] -- FOLDER");
	const char *folder = argv[used + 1];

	static const char *const fibs[] = { "fib-400", "fib-1000" };
	static const char *const acls[] = { "acl-200", "acl-1000", "acl-1000-lists" };
	struct lpm_table *routes[HOPS];
	struct acl_table *rules[VISITS];
	for (unsigned i = 0; i < sizeof fibs / sizeof fibs[0]; i++) {
		struct lpm_table *table = lpm_read(folder, fibs[i]);
		lpm_time(table, fibs[i]);
		if (i == 0)
			routes[0] = table;
	}
	for (unsigned i = 0; i < sizeof acls / sizeof acls[0]; i++) {
		struct acl_table *table = acl_read(folder, acls[i], 0);
		acl_time(table, acls[i]);
		if (i == 0)
			rules[0] = table;
	}

	/* All visits share one rule set, all hops one table: the fewest bytes that the way can touch. Then each has its own. */
	acl_use_fastest(rules[0]);
	for (unsigned h = 1; h < HOPS; h++)
		routes[h] = routes[0];
	for (unsigned v = 1; v < VISITS; v++)
		rules[v] = rules[0];
	TIME("path-200", "4_rte_acl+2_rte_lpm,shared", whole_way(rules, routes));
	for (unsigned h = 1; h < HOPS; h++)
		routes[h] = lpm_read(folder, fibs[0]);
	for (unsigned v = 1; v < VISITS; v++) {
		rules[v] = acl_read(folder, acls[0], v);
		acl_use_fastest(rules[v]);
	}
	TIME("path-200", "4_rte_acl+2_rte_lpm", whole_way(rules, routes));
	return 0;
}
