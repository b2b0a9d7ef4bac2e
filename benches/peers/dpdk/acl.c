/* rte_acl over a table that `kernels write` wrote. */
#include <stddef.h>
#include <string.h>

#include <rte_acl.h>
#include <rte_byteorder.h>

#include "peer.h"

#define MAX_RULES 65536

/* What a packet shows, in network order. */
struct key {
	uint8_t protocol;
	uint8_t unused[3];
	uint32_t source, destination;
	uint16_t source_port, destination_port;
};

enum { PROTOCOL, SOURCE, DESTINATION, SOURCE_PORT, DESTINATION_PORT, FIELDS };

RTE_ACL_RULE_DEF(rule, FIELDS);

/* The first field has one byte, the others go in groups of four. */
static const struct rte_acl_field_def fields[FIELDS] = {
	{ RTE_ACL_FIELD_TYPE_BITMASK, 1, PROTOCOL, 0, offsetof(struct key, protocol) },
	{ RTE_ACL_FIELD_TYPE_MASK, 4, SOURCE, 1, offsetof(struct key, source) },
	{ RTE_ACL_FIELD_TYPE_MASK, 4, DESTINATION, 2, offsetof(struct key, destination) },
	{ RTE_ACL_FIELD_TYPE_RANGE, 2, SOURCE_PORT, 3, offsetof(struct key, source_port) },
	{ RTE_ACL_FIELD_TYPE_RANGE, 2, DESTINATION_PORT, 3, offsetof(struct key, destination_port) },
};

struct acl_table {
	struct rte_acl_ctx *context;
	struct key key[KEYS];
	const uint8_t *data[KEYS];
	uint32_t right[KEYS], answer[KEYS];
};

static uint32_t address(const unsigned char *octets)
{
	return (uint32_t)octets[0] << 24 | octets[1] << 16 | octets[2] << 8 | octets[3];
}

/* "rule NUMBER SOURCE DESTINATION PROTOCOL FIRST LAST": the lower number wins and is the answer. */
static int rule_from(const char *line, struct rule *rule)
{
	unsigned char s[4], d[4], source_length, destination_length, protocol;
	uint16_t first, last;
	unsigned number;
	if (sscanf(line, "rule %u %hhu.%hhu.%hhu.%hhu/%hhu %hhu.%hhu.%hhu.%hhu/%hhu %hhu %hu %hu", &number, s, s + 1, s + 2, s + 3,
		   &source_length, d, d + 1, d + 2, d + 3, &destination_length, &protocol, &first, &last) != 14)
		return 0;
	memset(rule, 0, sizeof *rule);
	rule->data.category_mask = 1;
	rule->data.priority = (int32_t)(MAX_RULES - number);
	rule->data.userdata = number;
	rule->field[PROTOCOL].value.u8 = protocol;
	rule->field[PROTOCOL].mask_range.u8 = protocol ? 0xff : 0;
	rule->field[SOURCE].value.u32 = address(s);
	rule->field[SOURCE].mask_range.u32 = source_length;
	rule->field[DESTINATION].value.u32 = address(d);
	rule->field[DESTINATION].mask_range.u32 = destination_length;
	rule->field[SOURCE_PORT].mask_range.u16 = 0xffff;
	rule->field[DESTINATION_PORT].value.u16 = first;
	rule->field[DESTINATION_PORT].mask_range.u16 = last;
	return 1;
}

/* "ask SOURCE DESTINATION PROTOCOL SOURCE-PORT DESTINATION-PORT NUMBER" */
static int key_from(const char *line, struct key *key, uint32_t *right)
{
	unsigned char s[4], d[4];
	uint16_t source_port, destination_port;
	if (sscanf(line, "ask %hhu.%hhu.%hhu.%hhu %hhu.%hhu.%hhu.%hhu %hhu %hu %hu %u", s, s + 1, s + 2, s + 3, d, d + 1, d + 2, d + 3,
		   &key->protocol, &source_port, &destination_port, right) != 12)
		return 0;
	key->source = rte_cpu_to_be_32(address(s));
	key->destination = rte_cpu_to_be_32(address(d));
	key->source_port = rte_cpu_to_be_16(source_port);
	key->destination_port = rte_cpu_to_be_16(destination_port);
	return 1;
}

struct acl_table *acl_read(const char *folder, const char *name, unsigned copy)
{
	char unique[32];
	snprintf(unique, sizeof unique, "%s-%u", name, copy);
	struct rte_acl_param parameters = {
		.name = unique, .socket_id = 0, .rule_size = RTE_ACL_RULE_SZ(FIELDS), .max_rule_num = MAX_RULES,
	};
	struct acl_table *table = calloc(1, sizeof *table);
	table->context = rte_acl_create(&parameters);
	if (!table->context)
		FAIL("rte_acl_create");

	FILE *file = open_table(folder, name);
	char line[256];
	unsigned keys = 0;
	while (fgets(line, sizeof line, file)) {
		struct rule rule;
		if (rule_from(line, &rule)) {
			if (rte_acl_add_rules(table->context, (const struct rte_acl_rule *)&rule, 1))
				FAIL("%s: rte_acl takes no %s", name, line);
		} else if (keys < KEYS && key_from(line, &table->key[keys], &table->right[keys])) {
			table->data[keys] = (const uint8_t *)&table->key[keys];
			keys++;
		} else
			FAIL("%s: what is %s", name, line);
	}
	fclose(file);
	if (keys != KEYS)
		FAIL("%s has %u keys", name, keys);

	struct rte_acl_config config = { .num_categories = 1, .num_fields = FIELDS };
	memcpy(config.defs, fields, sizeof fields);
	uint64_t start = now_ns();
	if (rte_acl_build(table->context, &config))
		FAIL("%s: rte_acl_build", name);
	if (copy == 0)
		printf("%s-build rte_acl %.0f\n", name, (double)(now_ns() - start));
	return table;
}

void acl_batch(struct acl_table *table, unsigned first)
{
	rte_acl_classify(table->context, table->data + first, table->answer + first, BATCH, 1);
}

static void all(struct acl_table *table)
{
	for (unsigned i = 0; i < KEYS; i += BATCH)
		acl_batch(table, i);
}

static const struct {
	const char *name;
	enum rte_acl_classify_alg algorithm;
} variants[] = {
	{ "rte_acl_scalar", RTE_ACL_CLASSIFY_SCALAR },
	{ "rte_acl_avx2", RTE_ACL_CLASSIFY_AVX2 },
	{ "rte_acl_avx512x16", RTE_ACL_CLASSIFY_AVX512X16 },
	{ "rte_acl_avx512x32", RTE_ACL_CLASSIFY_AVX512X32 },
};
#define VARIANTS (sizeof variants / sizeof variants[0])

void acl_use_fastest(struct acl_table *table)
{
	for (unsigned v = VARIANTS; v-- > 0;)
		if (rte_acl_set_ctx_classify(table->context, variants[v].algorithm) == 0)
			return;
}

void acl_time(struct acl_table *table, const char *name)
{
	for (unsigned v = 0; v < VARIANTS; v++) {
		if (rte_acl_set_ctx_classify(table->context, variants[v].algorithm)) {
			fprintf(stderr, "skipped: %s is not to be had here\n", variants[v].name);
			continue;
		}
		TIME(name, variants[v].name, all(table));
		for (unsigned i = 0; i < KEYS; i++)
			if (table->answer[i] != table->right[i])
				FAIL("%s %s: key %u has rule %u, not %u", name, variants[v].name, i, table->answer[i], table->right[i]);
	}
}
