/* rte_lpm and rte_fib over a table that `kernels write` wrote. */
#include <rte_errno.h>
#include <rte_fib.h>
#include <rte_lpm.h>
#include <rte_vect.h>

#include "peer.h"

#define MAX_ROUTES 65536

struct route {
	uint32_t prefix;
	uint8_t length;
	uint32_t value;
};

struct lpm_table {
	struct rte_lpm *lpm;
	struct rte_fib *fib;
	uint32_t default_value; /* rte_lpm knows no prefix of length 0 */
	uint32_t key[KEYS], right[KEYS], answer[KEYS];
	uint64_t wide_answer[KEYS];
};

static uint32_t address(const unsigned char *octets)
{
	return (uint32_t)octets[0] << 24 | octets[1] << 16 | octets[2] << 8 | octets[3];
}

static void add_route(struct lpm_table *table, const struct route *route)
{
	if (route->length == 0) {
		table->default_value = route->value;
		return;
	}
	if (rte_lpm_add(table->lpm, route->prefix, route->length, route->value))
		FAIL("rte_lpm takes no route %08x/%u", route->prefix, route->length);
	if (table->fib && rte_fib_add(table->fib, route->prefix, route->length, route->value))
		FAIL("rte_fib takes no route %08x/%u", route->prefix, route->length);
}

static void check(const struct lpm_table *table, const char *name, const char *variant)
{
	for (unsigned i = 0; i < KEYS; i++)
		if (table->answer[i] != table->right[i])
			FAIL("%s %s: %08x has %u, not %u", name, variant, table->key[i], table->answer[i], table->right[i]);
}

struct lpm_table *lpm_read(const char *folder, const char *name)
{
	static unsigned number;
	static struct route routes[MAX_ROUTES];
	struct lpm_table *table = calloc(1, sizeof *table);
	FILE *file = open_table(folder, name);
	char line[256];
	unsigned count = 0, keys = 0;
	while (fgets(line, sizeof line, file)) {
		unsigned char a[4], length;
		unsigned value;
		if (sscanf(line, "route %hhu.%hhu.%hhu.%hhu/%hhu %u", a, a + 1, a + 2, a + 3, &length, &value) == 6 && count < MAX_ROUTES)
			routes[count++] = (struct route){ address(a), length, value };
		else if (sscanf(line, "ask %hhu.%hhu.%hhu.%hhu %u", a, a + 1, a + 2, a + 3, &value) == 5 && keys < KEYS) {
			table->key[keys] = address(a);
			table->right[keys++] = value;
		} else
			FAIL("%s: what is %s", name, line);
	}
	fclose(file);
	if (keys != KEYS)
		FAIL("%s has %u keys", name, keys);

	char unique[32];
	snprintf(unique, sizeof unique, "%s-%u", name, number++);
	struct rte_lpm_config lpm = { .max_rules = count + 1, .number_tbl8s = 8192 };
	table->lpm = rte_lpm_create(unique, 0, &lpm);
	if (!table->lpm)
		FAIL("rte_lpm_create: %s", rte_strerror(rte_errno));
	struct rte_fib_conf fib = {
		.type = RTE_FIB_DIR24_8, .max_routes = count + 1,
		.dir24_8 = { .nh_sz = RTE_FIB_DIR24_8_4B, .num_tbl8 = 8192 },
	};
	for (unsigned i = 0; i < count; i++)
		if (routes[i].length == 0)
			fib.default_nh = routes[i].value;
	table->fib = rte_fib_create(unique, 0, &fib);
	if (!table->fib)
		fprintf(stderr, "no rte_fib: %s\n", rte_strerror(rte_errno));
	for (unsigned i = 0; i < count; i++)
		add_route(table, &routes[i]);
	return table;
}

/* Values of one batch from the table, as a router would go on with them: the default where there was no hit. */
void lpm_batch(struct lpm_table *table, unsigned first)
{
	uint32_t *answer = table->answer + first;
	rte_lpm_lookup_bulk(table->lpm, table->key + first, answer, BATCH);
}

/* Hits carry a flag, misses do not. */
static void settle_bulk(struct lpm_table *table)
{
	for (unsigned i = 0; i < KEYS; i++) {
		uint32_t answer = table->answer[i];
		table->answer[i] = answer & RTE_LPM_LOOKUP_SUCCESS ? answer & 0xffffff : table->default_value;
	}
}

static void settle_wide(struct lpm_table *table)
{
	for (unsigned i = 0; i < KEYS; i++)
		table->answer[i] = (uint32_t)table->wide_answer[i];
}

static void one_by_one(struct lpm_table *table)
{
	for (unsigned i = 0; i < KEYS; i++) {
		uint32_t value;
		int miss = rte_lpm_lookup(table->lpm, table->key[i], &value);
		table->answer[i] = miss ? table->default_value : value;
	}
}

static void bulk(struct lpm_table *table)
{
	for (unsigned i = 0; i < KEYS; i += BATCH)
		lpm_batch(table, i);
}

static void four_by_four(struct lpm_table *table)
{
	for (unsigned i = 0; i < KEYS; i += 4) {
		xmm_t keys = _mm_loadu_si128((const void *)(table->key + i));
		rte_lpm_lookupx4(table->lpm, keys, table->answer + i, table->default_value);
	}
}

static void fib_bulk(struct lpm_table *table)
{
	for (unsigned i = 0; i < KEYS; i += BATCH)
		rte_fib_lookup_bulk(table->fib, table->key + i, table->wide_answer + i, BATCH);
}

static void fib_time(struct lpm_table *table, const char *name, const char *variant, enum rte_fib_lookup_type type)
{
	if (!table->fib || rte_fib_select_lookup(table->fib, type)) {
		fprintf(stderr, "skipped: %s is not to be had here\n", variant);
		return;
	}
	TIME(name, variant, fib_bulk(table));
	settle_wide(table);
	check(table, name, variant);
}

void lpm_time(struct lpm_table *table, const char *name)
{
	TIME(name, "rte_lpm_one_by_one", one_by_one(table));
	check(table, name, "rte_lpm_one_by_one");
	TIME(name, "rte_lpm_bulk", bulk(table));
	settle_bulk(table);
	check(table, name, "rte_lpm_bulk");
	TIME(name, "rte_lpm_x4", four_by_four(table));
	check(table, name, "rte_lpm_x4");
	fib_time(table, name, "rte_fib_scalar", RTE_FIB_LOOKUP_DIR24_8_SCALAR_INLINE);
	fib_time(table, name, "rte_fib_avx512", RTE_FIB_LOOKUP_DIR24_8_VECTOR_AVX512);
}
