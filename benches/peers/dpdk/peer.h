/* What the DPDK programs share: the clock and the batch. */
#ifndef PEER_H
#define PEER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define KEYS 16384 /* keys of one table */
#define BATCH 32   /* keys of one call */
#define PASSES 101 /* passes over all keys; the median counts */

/* The two tables as the libraries want them. */
struct lpm_table;
struct lpm_table *lpm_read(const char *folder, const char *name);
void lpm_time(struct lpm_table *table, const char *name);
void lpm_batch(struct lpm_table *table, unsigned first);

struct acl_table;
struct acl_table *acl_read(const char *folder, const char *name, unsigned copy);
void acl_time(struct acl_table *table, const char *name);
void acl_use_fastest(struct acl_table *table);
void acl_batch(struct acl_table *table, unsigned first);

/* Ends the program with a sentence. */
#define FAIL(...) do { fprintf(stderr, __VA_ARGS__); fputc('\n', stderr); exit(1); } while (0)

static inline FILE *open_table(const char *folder, const char *name)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "r");
	if (!file)
		FAIL("cannot open %s", path);
	return file;
}

static inline uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static inline int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* Runs `pass`, a statement over all keys, and prints the nanoseconds per key of the median pass. */
#define TIME(table, variant, pass) do { \
	uint64_t times[PASSES]; \
	for (int p = -1; p < PASSES; p++) { \
		uint64_t start = now_ns(); \
		pass; \
		if (p >= 0) \
			times[p] = now_ns() - start; \
	} \
	qsort(times, PASSES, sizeof times[0], by_size); \
	printf("%s %s %.3f\n", table, variant, (double)times[PASSES / 2] / KEYS); \
} while (0)

#endif
