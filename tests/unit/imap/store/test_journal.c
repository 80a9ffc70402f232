/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "changes.h"
#include "crc32c.h"
#include "journal.h"

enum {
	FIRST = 41, /* the checkpoint holds 40 changes */
	CHANGES = 8,
	RECORDS_MAX = 5,
	ROOM = 1 << 16,
	HEADER = sizeof(struct disk_journal),
};

/* A file in memory that can fail. */
struct memory {
	struct store_journal_file file;
	_Alignas(8) uint8_t bytes[ROOM];
	size_t len;
	unsigned writes, syncs, cuts;
	int fails;	/* what every call says, when not 0 */
	size_t partial; /* how many bytes a write that fails gets done */
};

static int memory_write(struct store_journal_file *file, uint64_t off, struct span bytes)
{
	struct memory *memory = (struct memory *)file;
	size_t len = memory->fails == 0 ? bytes.len : memory->partial;

	assert_true(off <= memory->len && off + bytes.len <= ROOM && len <= bytes.len);
	memcpy(memory->bytes + off, bytes.ptr, len);
	if (off + len > memory->len)
		memory->len = off + len;
	memory->writes++;
	return memory->fails;
}

static int memory_sync(struct store_journal_file *file)
{
	struct memory *memory = (struct memory *)file;

	memory->syncs++;
	return memory->fails;
}

static int memory_cut(struct store_journal_file *file, uint64_t bytes)
{
	struct memory *memory = (struct memory *)file;

	assert_true(bytes <= memory->len);
	memory->cuts++;
	if (memory->fails == 0)
		memory->len = bytes;
	return memory->fails;
}

struct bench {
	struct memory memory;
	struct store_change_builder *builder;
	struct store_journal_id id;
	struct store_journal *journal;
	uint64_t ends[CHANGES + 1]; /* of the file after so many changes */
};

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	bench->memory.file = (struct store_journal_file){memory_write, memory_sync, memory_cut};
	bench->builder = store_change_builder_create(1 << 20);
	bench->id = (struct store_journal_id){
		.generation = 3, .first = FIRST, .checkpoint_crc = 0x12345678};
	memcpy(bench->id.account, changes_account, 16);
	*state = bench;
	return bench->builder == NULL;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	store_journal_close(&bench->journal);
	store_change_builder_destroy(&bench->builder);
	free(bench);
	return 0;
}

static int append(struct bench *bench, uint64_t number, uint64_t seed)
{
	struct store_change change;

	assert_int_equal(
		store_change_open(changes_draw(bench->builder, number, seed, RECORDS_MAX), &change),
		STORE_CHANGE_WHOLE);
	return store_journal_append(bench->journal, &change);
}

/* A journal of CHANGES changes, the change FIRST + k made of seed k; not open any more. */
static void fill(struct bench *bench)
{
	assert_int_equal(store_journal_create(&bench->memory.file, &bench->id, &bench->journal), 0);
	bench->ends[0] = store_journal_bytes(bench->journal);
	for (unsigned k = 0; k < CHANGES; k++) {
		assert_int_equal(append(bench, FIRST + k, k), 0);
		bench->ends[k + 1] = store_journal_bytes(bench->journal);
	}
	assert_int_equal(store_journal_next_number(bench->journal), FIRST + CHANGES);
	assert_int_equal(store_journal_durable(bench->journal), FIRST - 1);
	assert_int_equal(store_journal_sync(bench->journal), 0);
	assert_int_equal(store_journal_durable(bench->journal), FIRST + CHANGES - 1);
	assert_int_equal(bench->memory.len, bench->ends[CHANGES]);
	store_journal_close(&bench->journal);
}

/* Scans `len` bytes. What the scan ended with; how many changes it gave, each as it was made. */
static int scan(struct bench *bench, size_t len, uint64_t whole, unsigned *n_r,
		struct store_journal_scan *scan_r)
{
	struct span bytes = {bench->memory.bytes, len};
	struct store_change change;
	int status;

	*n_r = 0;
	if (store_journal_open(bytes, &bench->id, whole, scan_r) != NULL)
		return -EINVAL;
	while ((status = store_journal_next(scan_r, &change)) == 1) {
		changes_expect(&change, FIRST + *n_r, *n_r, RECORDS_MAX, true);
		++*n_r;
	}
	assert_int_equal(store_journal_next(scan_r, &change), status); /* and it stays so */
	return status;
}

static void test_round_trip(void **state)
{
	struct bench *bench = *state;
	struct store_journal_scan end;
	unsigned n;

	fill(bench);
	assert_int_equal(scan(bench, bench->memory.len, FIRST + CHANGES - 1, &n, &end), 0);
	assert_int_equal(n, CHANGES);
	assert_null(end.fault);
	assert_int_equal(end.end, bench->memory.len);
	assert_int_equal(end.next, FIRST + CHANGES);
	assert_int_equal(end.modseq, 1000 + FIRST + CHANGES - 1);
	/* What must be there and is not. */
	assert_int_equal(scan(bench, bench->memory.len, FIRST + CHANGES, &n, &end), -EIO);
	assert_non_null(end.fault);
}

static void test_empty(void **state)
{
	struct bench *bench = *state;
	struct store_journal_scan end;
	unsigned n;

	assert_int_equal(store_journal_create(&bench->memory.file, &bench->id, &bench->journal), 0);
	assert_int_equal(scan(bench, bench->memory.len, 0, &n, &end), 0);
	assert_int_equal(n, 0);
	assert_int_equal(scan(bench, bench->memory.len, FIRST - 1, &n, &end), 0);
	assert_int_equal(scan(bench, bench->memory.len, FIRST, &n, &end), -EIO);
}

/* Cut anywhere: the whole changes before the cut are given; it is an error where more must be. */
static void test_cut(void **state)
{
	struct bench *bench = *state;
	struct store_journal_scan end;
	unsigned n, before = 0;

	fill(bench);
	for (size_t cut = 0; cut < bench->memory.len; cut++) {
		if (cut < HEADER) {
			assert_int_equal(scan(bench, cut, 0, &n, &end), -EINVAL);
			continue;
		}
		while (bench->ends[before + 1] <= cut)
			before++;
		assert_int_equal(scan(bench, cut, FIRST + before - 1, &n, &end), 0);
		assert_int_equal(n, before);
		assert_int_equal(end.end, bench->ends[before]);
		assert_int_equal(end.fault == NULL, cut == end.end);
		assert_int_equal(scan(bench, cut, FIRST + before, &n, &end), -EIO);
		assert_int_equal(n, before);
	}
}

/* A bit flipped anywhere: never a change that was not made (scan() compares them). */
static void test_flips(void **state)
{
	struct bench *bench = *state;
	struct store_journal_scan end;
	unsigned n, before = 0;

	fill(bench);
	for (size_t at = 0; at < bench->memory.len; at++) {
		bench->memory.bytes[at] ^= (uint8_t)(1 << at % 8);
		if (at < HEADER) {
			assert_int_equal(scan(bench, bench->memory.len, 0, &n, &end), -EINVAL);
		} else {
			while (bench->ends[before + 1] <= at)
				before++;
			assert_int_equal(
				scan(bench, bench->memory.len, FIRST + before - 1, &n, &end), 0);
			assert_int_equal(n, before);
			assert_non_null(end.fault);
			assert_int_equal(
				scan(bench, bench->memory.len, FIRST + CHANGES - 1, &n, &end),
				-EIO);
		}
		bench->memory.bytes[at] ^= (uint8_t)(1 << at % 8);
	}
}

/* Of change k, in the file. */
static struct disk_change *change_at(struct bench *bench, unsigned k)
{
	return (struct disk_change *)(bench->memory.bytes + bench->ends[k]);
}

/* Changes whose checksums hold and that cannot follow each other are no torn tail. */
static void test_laws(void **state)
{
	struct bench *bench = *state;
	struct store_journal_scan end;
	unsigned n;

	for (unsigned k = 0; k < 5; k++) {
		struct disk_change *change;

		bench->memory.len = 0;
		fill(bench);
		change = change_at(bench, 4);
		if (k == 0)
			change->number++;
		else if (k == 1)
			change->number--;
		else if (k == 2)
			change->modseq = 1000 + FIRST + 2;
		else if (k == 3)
			change->account[15] ^= 1;
		else
			change->must_understand = 1;
		changes_sign((uint8_t *)change);
		assert_int_equal(scan(bench, bench->memory.len, 0, &n, &end), -EIO);
		assert_int_equal(n, 4);
		assert_int_equal(end.next, FIRST + 4);
	}
	/* The same modseq again is allowed: not every change takes one. */
	bench->memory.len = 0;
	fill(bench);
	for (unsigned k = 1; k < CHANGES; k++) {
		change_at(bench, k)->modseq = 1000 + FIRST;
		changes_sign((uint8_t *)change_at(bench, k));
	}
	{
		struct store_change change;
		struct span bytes = {bench->memory.bytes, bench->memory.len};

		assert_null(store_journal_open(bytes, &bench->id, 0, &end));
		for (n = 0; store_journal_next(&end, &change) == 1; n++)
			;
		assert_int_equal(n, CHANGES);
	}
}

/* The log's form of a change, with its message, does not belong into a journal. */
static void test_carried(void **state)
{
	struct bench *bench = *state;
	struct store_journal_scan end;
	struct store_change change;
	struct span bytes;

	assert_int_equal(store_journal_create(&bench->memory.file, &bench->id, &bench->journal), 0);
	changes_begin(bench->builder, FIRST);
	changes_sample(bench->builder, FORMAT_MESSAGE);
	bytes = changes_finish(bench->builder);
	assert_int_equal(store_change_open(bytes, &change), STORE_CHANGE_WHOLE);
	assert_int_equal(store_journal_append(bench->journal, &change), 0);
	assert_int_equal(bench->memory.len, HEADER + bytes.len - 8); /* 5 bytes, filled up */
	memory_write(&bench->memory.file, HEADER, bytes);
	assert_null(store_journal_open((struct span){bench->memory.bytes, bench->memory.len},
				       &bench->id, 0, &end));
	assert_int_equal(store_journal_next(&end, &change), -EIO);
	assert_non_null(strstr(end.fault, "carries"));
}

static void header_sign(struct disk_journal *header)
{
	header->crc = store_crc32c(0, header, offsetof(struct disk_journal, crc));
}

static void test_header(void **state)
{
	struct bench *bench = *state;
	struct disk_journal *header = (struct disk_journal *)bench->memory.bytes, good;
	struct store_journal_scan end;
	struct store_journal_id id = bench->id;
	struct span bytes = {bench->memory.bytes, HEADER};

	assert_int_equal(store_journal_create(&bench->memory.file, &bench->id, &bench->journal), 0);
	good = *header;
	header->version = 2;
	header_sign(header);
	assert_non_null(strstr(store_journal_open(bytes, &id, 0, &end), "newer"));
	*header = good;
	header->must_understand = 4;
	header_sign(header);
	assert_non_null(strstr(store_journal_open(bytes, &id, 0, &end), "newer"));
	*header = good;
	header->reserved[7] = 1;
	header_sign(header);
	assert_non_null(strstr(store_journal_open(bytes, &id, 0, &end), "newer"));
	*header = good;
	assert_null(store_journal_open(bytes, &id, 0, &end));
	id.account[0] ^= 1;
	assert_non_null(strstr(store_journal_open(bytes, &id, 0, &end), "account"));
	id = bench->id;
	id.generation++;
	assert_non_null(strstr(store_journal_open(bytes, &id, 0, &end), "checkpoint"));
	id = bench->id;
	id.checkpoint_crc++;
	assert_non_null(strstr(store_journal_open(bytes, &id, 0, &end), "checkpoint"));
	id = bench->id;
	id.first++;
	assert_non_null(strstr(store_journal_open(bytes, &id, 0, &end), "checkpoint"));
}

/* What lay behind a torn change does not come back when a change of its length takes its place. */
static void test_resume(void **state)
{
	struct bench *bench = *state;
	struct store_journal_scan end;
	unsigned n;

	fill(bench);
	change_at(bench, 5)->crc ^= 1;
	assert_int_equal(scan(bench, bench->memory.len, FIRST + 2, &n, &end), 0);
	assert_int_equal(n, 5);
	assert_int_equal(store_journal_resume(&bench->memory.file, &end, &bench->journal), 0);
	assert_int_equal(bench->memory.cuts, 1);
	assert_int_equal(store_journal_durable(bench->journal), FIRST + 2);
	assert_int_equal(append(bench, FIRST + 5, 5), 0);
	assert_int_equal(store_journal_sync(bench->journal), 0);
	assert_int_equal(bench->memory.len, bench->ends[6]);
	assert_int_equal(scan(bench, bench->memory.len, FIRST + 5, &n, &end), 0);
	assert_int_equal(n, 6);
	store_journal_close(&bench->journal);
	/* Nothing to cut: nothing is cut. A cut that fails: no journal. */
	assert_int_equal(store_journal_resume(&bench->memory.file, &end, &bench->journal), 0);
	assert_int_equal(bench->memory.cuts, 1);
	store_journal_close(&bench->journal);
	assert_int_equal(scan(bench, bench->memory.len - 1, 0, &n, &end), 0);
	bench->memory.fails = -EIO;
	assert_int_equal(store_journal_resume(&bench->memory.file, &end, &bench->journal), -EIO);
	assert_null(bench->journal);
}

/* A write that failed half way may be tried again: what it left is cut off first. */
static void test_write_fails(void **state)
{
	struct bench *bench = *state;
	struct store_journal_scan end;
	unsigned n;

	bench->memory.fails = -ENOSPC;
	assert_int_equal(store_journal_create(&bench->memory.file, &bench->id, &bench->journal),
			 -ENOSPC);
	assert_null(bench->journal);
	bench->memory.fails = 0;
	assert_int_equal(store_journal_create(&bench->memory.file, &bench->id, &bench->journal), 0);
	assert_int_equal(append(bench, FIRST, 0), 0);
	bench->memory.fails = -ENOSPC;
	bench->memory.partial = 40;
	assert_int_equal(append(bench, FIRST + 1, 1), -ENOSPC);
	assert_int_equal(store_journal_next_number(bench->journal), FIRST + 1);
	bench->memory.fails = 0;
	assert_int_equal(append(bench, FIRST + 1, 1), 0);
	assert_int_equal(bench->memory.cuts, 1);
	assert_int_equal(append(bench, FIRST + 2, 2), 0);
	assert_int_equal(bench->memory.cuts, 1);
	assert_int_equal(scan(bench, bench->memory.len, FIRST + 2, &n, &end), 0);
	assert_int_equal(n, 3);
	/* A cut that fails ends it, as a sync does. */
	bench->memory.fails = -ENOSPC;
	assert_int_equal(append(bench, FIRST + 3, 3), -ENOSPC);
	assert_int_equal(append(bench, FIRST + 3, 3), -ENOSPC);
	assert_int_equal(bench->memory.cuts, 2);
	bench->memory.fails = 0;
	assert_int_equal(append(bench, FIRST + 3, 3), -EIO);
}

/* A sync that failed is final: nothing is durable that was not, and nothing is taken any more. */
static void test_sync_fails(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(store_journal_create(&bench->memory.file, &bench->id, &bench->journal), 0);
	assert_int_equal(append(bench, FIRST, 0), 0);
	assert_int_equal(store_journal_sync(bench->journal), 0);
	assert_int_equal(append(bench, FIRST + 1, 1), 0);
	bench->memory.fails = -ENOSPC;
	assert_int_equal(store_journal_sync(bench->journal), -ENOSPC);
	bench->memory.fails = 0;
	assert_int_equal(store_journal_sync(bench->journal), -EIO);
	assert_int_equal(append(bench, FIRST + 2, 2), -EIO);
	assert_int_equal(store_journal_durable(bench->journal), FIRST);
	assert_int_equal(bench->memory.syncs, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip),	TEST(test_empty),      TEST(test_cut),	  TEST(test_flips),
		TEST(test_laws),	TEST(test_carried),    TEST(test_header), TEST(test_resume),
		TEST(test_write_fails), TEST(test_sync_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
