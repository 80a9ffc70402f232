/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the bytes of IMAP cost, ns each: the texts of a FETCH row, and the commands that ask for
 * rows. Pin it to a quiet core:
 *
 *     taskset -c 1 build/tests/bench/bench_wire
 */
#include <stdio.h>
#include <time.h>

#include "wire.h"

enum { CALLS = 5000000, ROW_BYTES_MAX = 512, RUNS_MAX = 4096 };

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 16;
}

/* One thing done `n` times. What it returns is added up so that it is really done. */
typedef uint64_t measured(uint64_t *random, unsigned i);

static uint64_t number(uint64_t *random, unsigned i)
{
	uint8_t out[WIRE_NUMBER_BYTES_MAX];

	(void)i;
	return (uint64_t)(wire_put_u64(out, next_random(random) % 1000000) - out) + out[0];
}

static struct wire_day day;

static uint64_t date_near(uint64_t *random, unsigned i)
{
	uint8_t out[WIRE_DATE_BYTES];

	(void)random;
	wire_put_date(out, &day, 1700000000 + i / 64, 60);
	return out[20];
}

static uint64_t date_any(uint64_t *random, unsigned i)
{
	uint8_t out[WIRE_DATE_BYTES];

	(void)i;
	wire_put_date(out, &day, (int64_t)(next_random(random) % 1700000000), 60);
	return out[20];
}

static uint64_t row(uint64_t *random, unsigned i)
{
	uint8_t out[ROW_BYTES_MAX], *p = out;

	p = wire_put_bytes(p, "* ", 2);
	p = wire_put_u32(p, i);
	p = wire_put_bytes(p, " FETCH (UID ", 12);
	p = wire_put_u32(p, i + 1000);
	p = wire_put_bytes(p, " FLAGS (\\Seen) INTERNALDATE ", 28);
	p = wire_put_date(p, &day, 1700000000 + i / 64, 60);
	p = wire_put_bytes(p, " RFC822.SIZE ", 13);
	p = wire_put_u32(p, (uint32_t)(next_random(random) % 100000));
	p = wire_put_bytes(p, ")\r\n", 3);
	return (uint64_t)(p - out);
}

static uint64_t command(uint64_t *random, unsigned i)
{
	static const char text[] = "a123 UID FETCH 4711 BODY.PEEK[]\r\n";
	struct wire_collector collector = {0};
	struct span bytes = {(const uint8_t *)text, sizeof(text) - 1}, line, word;
	struct wire_cursor cursor;
	struct wire_fetch fetch;
	struct wire_run run;
	size_t taken, runs_n;
	bool full;

	(void)random;
	(void)i;
	wire_collect(&collector, bytes, &taken, &line);
	cursor = wire_cursor_of(line);
	wire_tag(&cursor, &word);
	wire_space(&cursor);
	wire_atom(&cursor, &word);
	wire_space(&cursor);
	wire_atom(&cursor, &word);
	wire_space(&cursor);
	wire_seqset(&cursor, 10000, &run, 1, &runs_n, &full);
	wire_space(&cursor);
	wire_fetch_att(&cursor, &fetch);
	return (uint64_t)wire_end(&cursor) + run.first;
}

static uint64_t header_fields(uint64_t *random, unsigned i)
{
	static const char text[] =
		"BODY.PEEK[HEADER.FIELDS (DATE FROM TO CC SUBJECT MESSAGE-ID REFERENCES "
		"CONTENT-TYPE IN-REPLY-TO REPLY-TO)])";
	struct wire_cursor cursor =
		wire_cursor_of((struct span){(const uint8_t *)text, sizeof(text) - 1});
	struct wire_fetch fetch;

	(void)random;
	(void)i;
	return (uint64_t)wire_fetch_att(&cursor, &fetch) + fetch.names_n;
}

static char falling[RUNS_MAX * 8];
static size_t falling_len;

static void falling_make(void)
{
	for (unsigned i = RUNS_MAX; i > 0; i--)
		falling_len +=
			(size_t)snprintf(falling + falling_len, sizeof(falling) - falling_len,
					 "%u%c", 2 * i, i > 1 ? ',' : ' ');
}

static uint64_t seqset_falling(uint64_t *random, unsigned i)
{
	static struct wire_run runs[RUNS_MAX];
	struct wire_cursor cursor = wire_cursor_of((struct span){(uint8_t *)falling, falling_len});
	size_t runs_n;
	bool full;

	(void)random;
	(void)i;
	return (uint64_t)wire_seqset(&cursor, 1, runs, RUNS_MAX, &runs_n, &full) + runs_n;
}

static uint64_t pattern_worst(uint64_t *random, unsigned i)
{
	static uint64_t memory[WIRE_PATTERN_BYTES_MAX];
	static uint8_t name[1000];
	uint8_t text[WIRE_PATTERN_BYTES_MAX];

	(void)random;
	memset(name, 'a', sizeof(name));
	for (size_t k = 0; k < sizeof(text); k++)
		text[k] = "%a*a"[(k + i) % 4];
	return wire_pattern_match(
		wire_pattern_compile(memory, (struct span){text, sizeof(text)}, '/'),
		(struct span){name, sizeof(name)}, 0);
}

static void measure(const char *what, measured *call, unsigned calls)
{
	uint64_t random = 1, sum = 0, start = now_ns(), took;

	for (unsigned i = 0; i < calls; i++)
		sum += call(&random, i);
	took = now_ns() - start;
	printf("%-44s %10.1f ns   (%llx)\n", what, (double)took / calls,
	       (unsigned long long)(sum & 0xffff));
}

int main(void)
{
	falling_make();
	measure("number below a million", number, CALLS);
	measure("date of the day before", date_near, CALLS);
	measure("date of any day", date_any, CALLS);
	measure("row: UID FLAGS INTERNALDATE RFC822.SIZE", row, CALLS);
	measure("command: UID FETCH n BODY.PEEK[]", command, CALLS / 10);
	measure("HEADER.FIELDS of ten names", header_fields, CALLS / 10);
	measure("sequence set of 4096 falling numbers", seqset_falling, 200);
	measure("LIST pattern of 2048 bytes, name of 1000", pattern_worst, 500);
	return 0;
}
