/* SPDX-License-Identifier: Apache-2.0 */
/* The commit log: what is written reads back, what is damaged is told apart from what was torn. */
#include "log_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commit_log_scan.h"
#include "commit_log_state.h"
#include "crc32c.h"

enum { SMALL_GROUPS = 4 };

static void write_n(struct log_fixture *fixture, unsigned n)
{
	for (unsigned k = 0; k < n; k++) {
		assert_int_equal(log_fixture_write(fixture), 0);
		assert_int_equal(store_log_sync(fixture->log), 0);
	}
}

static struct store_log_stats stats_of(struct log_fixture *fixture)
{
	struct store_log_stats stats;

	store_log_stats(fixture->log, &stats);
	return stats;
}

static void test_round_trip(void **state)
{
	struct log_fixture *fixture = *state;

	assert_int_equal(log_fixture_open(fixture), 0);
	log_fixture_replay(fixture, 1, 0);
	write_n(fixture, 30); /* several files */
	assert_true(stats_of(fixture).files > 1);
	log_fixture_kill(fixture);
	assert_int_equal(log_fixture_open(fixture), 0);
	assert_int_equal(stats_of(fixture).durable, 30);
	log_fixture_replay(fixture, 1, 30);
	write_n(fixture, 3);
	store_log_close(&fixture->log); /* one more group, empty */
	assert_int_equal(log_fixture_open(fixture), 0);
	log_fixture_replay(fixture, 1, 34);
	assert_int_equal(stats_of(fixture).lsn, 34);
}

/* What is applied is not replayed, its files are taken again, and the log's files stay few. */
static void test_recycle(void **state)
{
	struct log_fixture *fixture = *state;

	assert_int_equal(log_fixture_open(fixture), 0);
	for (unsigned round = 0; round < 200; round++) {
		write_n(fixture, 1);
		if (stats_of(fixture).durable > 5)
			store_log_applied(fixture->log, stats_of(fixture).durable - 5);
	}
	assert_true(stats_of(fixture).files <= 4);
	log_fixture_kill(fixture);
	assert_int_equal(log_fixture_open(fixture), 0);
	/* The last group says what was applied when it was written. */
	log_fixture_replay(fixture, 195, 200);
	store_log_applied(fixture->log, 200);
	write_n(fixture, 2);
	log_fixture_kill(fixture);
	assert_int_equal(log_fixture_open(fixture), 0);
	log_fixture_replay(fixture, 201, 202);
}

/* All is applied and no group is left: numbers go on. */
static void test_all_applied(void **state)
{
	struct log_fixture *fixture = *state;

	assert_int_equal(log_fixture_open(fixture), 0);
	write_n(fixture, 9);
	log_fixture_kill(fixture);
	assert_int_equal(log_fixture_open(fixture), 0);
	log_fixture_replay(fixture, 1, 9);
	store_log_applied(fixture->log, 9);
	assert_int_equal(store_log_sync(fixture->log), 0);
	assert_int_equal(stats_of(fixture).files_free, stats_of(fixture).files);
	log_fixture_kill(fixture);
	assert_int_equal(log_fixture_open(fixture), 0);
	log_fixture_replay(fixture, 1, 0);
	assert_int_equal(stats_of(fixture).lsn, 9);
	write_n(fixture, 1);
	assert_int_equal(stats_of(fixture).lsn, 10);
}

/* A log of one file: four groups, the last one's sync never ended. Returns the file. */
static uint8_t *small_log(struct log_fixture *fixture, size_t *len_r)
{
	assert_int_equal(log_fixture_open(fixture), 0);
	write_n(fixture, SMALL_GROUPS);
	log_fixture_kill(fixture);
	return log_file_read(fixture, "log.7.0", len_r);
}

/* Where group `lsn` stands in a small log. */
static uint64_t place_of(const uint8_t *bytes, uint64_t lsn)
{
	uint64_t off = FORMAT_LOG_HEADERS_BYTES;

	for (uint64_t k = 1; k < lsn; k++)
		off += store_log_group_bytes(((const struct disk_log_group *)(bytes + off))->bytes);
	return off;
}

/* The next byte to try: each that was written, and some of the padding. */
static size_t next_byte(const uint8_t *bytes, size_t len, size_t at)
{
	return at + 1 < len && (bytes[at] != 0 || bytes[at + 1] != 0) ? at + 1 : at + 61;
}

/* Of what opens, a prefix replays, whole, and never less than what is known to be durable. */
static void opened_check(struct log_fixture *fixture, int status, bool known)
{
	if (status == 0) {
		uint64_t lsn = stats_of(fixture).lsn;

		assert_true(lsn == SMALL_GROUPS || (lsn == SMALL_GROUPS - 1 && !known));
		log_fixture_replay(fixture, 1, lsn);
	} else if (fixture->log != NULL) {
		assert_int_equal(status, -EIO);
		assert_int_equal(log_fixture_write(fixture), -EROFS);
		log_fixture_replay(fixture, 1, stats_of(fixture).lsn);
	} else {
		assert_int_equal(status, -EINVAL); /* a newer program's, by a flipped bit? never */
		fail();
	}
	store_log_close(&fixture->log);
}

/* A file that is cut anywhere is told of: no power cut cuts it (L2). */
static void test_cut_everywhere(void **state)
{
	struct log_fixture *fixture = *state;
	size_t len;
	uint8_t *bytes = small_log(fixture, &len);

	for (size_t cut = 0; cut < len; cut = next_byte(bytes, len, cut)) {
		int status;

		log_file_write(fixture, "log.7.0", bytes, cut);
		status = log_fixture_open(fixture);
		assert_int_equal(status, -EIO);
		opened_check(fixture, status, true);
	}
	free(bytes);
}

/* Zeros or old bytes from anywhere on, in a file that is whole: what a torn write leaves. The last
 * group goes; where an earlier one goes, that is damage. */
static void test_torn_everywhere(void **state)
{
	struct log_fixture *fixture = *state;
	size_t len;
	uint8_t *bytes = small_log(fixture, &len), *torn = malloc(len);
	uint64_t last = place_of(bytes, SMALL_GROUPS);

	for (size_t cut = FORMAT_LOG_HEADERS_BYTES; cut < last + 400;
	     cut = next_byte(bytes, len, cut)) {
		int status;

		memcpy(torn, bytes, cut);
		memset(torn + cut, cut % 2 == 0 ? 0 : 0xa5, len - cut);
		log_file_write(fixture, "log.7.0", torn, len);
		status = log_fixture_open(fixture);
		/* Group 3 was durable when group 4 was written: that is said by group 4 alone. */
		assert_int_equal(status, 0);
		assert_true(stats_of(fixture).lsn <= SMALL_GROUPS);
		log_fixture_replay(fixture, 1, stats_of(fixture).lsn);
		assert_true(cut < last || stats_of(fixture).lsn >= SMALL_GROUPS - 1);
		log_fixture_kill(fixture);
	}
	free(torn);
	free(bytes);
}

static void flip_check(struct log_fixture *fixture, uint8_t *bytes, size_t len, size_t at,
		       uint64_t last)
{
	uint8_t was = bytes[at];
	int status;

	bytes[at] ^= (uint8_t)(1 << at % 8);
	log_file_write(fixture, "log.7.0", bytes, len);
	status = log_fixture_open(fixture);
	bytes[at] = was;
	/* Of the last group nothing says that it was acknowledged: it may be taken for torn. */
	opened_check(fixture, status, at < last);
}

/* One bit flipped in any byte: harmless, or told. */
static void test_flip_everywhere(void **state)
{
	struct log_fixture *fixture = *state;
	size_t len;
	uint8_t *bytes = small_log(fixture, &len);
	uint64_t last = place_of(bytes, SMALL_GROUPS);

	for (size_t at = 0; at < len; at = next_byte(bytes, len, at))
		flip_check(fixture, bytes, len, at, last);
	free(bytes);
}

/* After a clean close the last group is known, too. */
static void test_closed_is_known(void **state)
{
	struct log_fixture *fixture = *state;
	size_t len;
	uint8_t *bytes;

	assert_int_equal(log_fixture_open(fixture), 0);
	write_n(fixture, SMALL_GROUPS);
	store_log_close(&fixture->log);
	bytes = log_file_read(fixture, "log.7.0", &len);
	bytes[place_of(bytes, SMALL_GROUPS) + 70] ^= 1;
	log_file_write(fixture, "log.7.0", bytes, len);
	assert_int_equal(log_fixture_open(fixture), -EIO);
	assert_non_null(strstr(fixture->error.text, "log.7.0: at byte "));
	log_fixture_replay(fixture, 1, SMALL_GROUPS - 1);
	free(bytes);
}

/* A file that is gone, first, middle or last, is missed. */
static void test_missing_file(void **state)
{
	struct log_fixture *fixture = *state;
	static const char *const names[] = {"log.7.0", "log.7.1", "log.7.2"};

	assert_int_equal(log_fixture_open(fixture), 0);
	while (stats_of(fixture).files < 4)
		write_n(fixture, 1);
	write_n(fixture, 1);
	log_fixture_kill(fixture);
	for (unsigned k = 0; k < 3; k++) {
		assert_int_equal(renameat(fixture->file, names[k], fixture->file, "away"), 0);
		assert_int_equal(log_fixture_open(fixture), -EIO);
		log_fixture_kill(fixture);
		assert_int_equal(renameat(fixture->file, "away", fixture->file, names[k]), 0);
	}
	assert_int_equal(log_fixture_open(fixture), 0);
}

/* Groups of an earlier use of a file are whole, and of the right length even; but their salt is
 * old. */
static void test_old_salt(void **state)
{
	struct log_fixture *fixture = *state;
	uint8_t body[100] = {1};
	struct span part = {body, sizeof(body)};
	struct store_log_group group;
	uint64_t lsn;

	assert_int_equal(log_fixture_open(fixture), 0);
	for (unsigned k = 0; k < 60; k++) { /* 14 groups fill a file; all applied at once */
		assert_int_equal(store_log_write(fixture->log, &part, 1, 1, &lsn), 0);
		assert_int_equal(store_log_sync(fixture->log), 0);
		store_log_applied(fixture->log, lsn);
	}
	log_fixture_kill(fixture);
	assert_int_equal(log_fixture_open(fixture), 0);
	assert_int_equal(stats_of(fixture).lsn, 60);
	assert_int_equal(store_log_replay(fixture->log, &group), 1); /* 59 was applied at 60 */
	assert_int_equal(group.lsn, 60);
	assert_int_equal(store_log_replay(fixture->log, &group), 0);
}

/* A torn tail that was cut stays cut, whatever is written after it. */
static void test_cut_stays_cut(void **state)
{
	struct log_fixture *fixture = *state;
	size_t len;
	uint8_t *bytes = small_log(fixture, &len);
	uint64_t third = place_of(bytes, 3);

	bytes[third + 3] ^= 1; /* as if neither 3 nor 4 had been synced, and 4 came first */
	((struct disk_log_group *)(bytes + place_of(bytes, 4)))->salt ^= 1;
	log_file_write(fixture, "log.7.0", bytes, len);
	assert_int_equal(log_fixture_open(fixture), 0);
	log_fixture_replay(fixture, 1, 2);
	write_n(fixture, 1);
	log_fixture_kill(fixture);
	/* Even if the torn group were whole by now. */
	bytes[third + 3] ^= 1;
	log_file_write(fixture, "log.7.0", bytes, len);
	assert_int_equal(log_fixture_open(fixture), 0);
	log_fixture_replay(fixture, 1, 3);
	write_n(fixture, 20);
	log_fixture_kill(fixture);
	assert_int_equal(log_fixture_open(fixture), 0);
	log_fixture_replay(fixture, 1, 23);
	free(bytes);
}

/* Groups of a newer program are neither cut nor passed over. */
static void test_newer(void **state)
{
	struct log_fixture *fixture = *state;
	size_t len;
	uint8_t *bytes = small_log(fixture, &len);
	struct disk_log_group *group =
		(struct disk_log_group *)(bytes + place_of(bytes, SMALL_GROUPS));
	struct disk_log_group *before =
		(struct disk_log_group *)(bytes + place_of(bytes, SMALL_GROUPS - 1));
	struct disk_log_header *header = (struct disk_log_header *)bytes;

	group->must_understand = 1;
	store_log_group_sign(group, group + 1, before->crc);
	log_file_write(fixture, "log.7.0", bytes, len);
	assert_int_equal(log_fixture_open(fixture), -EINVAL);
	assert_null(fixture->log);
	header->version++;
	header->crc = store_crc32c(0, header, offsetof(struct disk_log_header, crc));
	log_file_write(fixture, "log.7.0", bytes, len);
	assert_int_equal(log_fixture_open(fixture), -EINVAL);
	header->version--;
	header->generation++;
	header->volume[15] ^= 1;
	header->crc = store_crc32c(0, header, offsetof(struct disk_log_header, crc));
	log_file_write(fixture, "log.7.0", bytes, len);
	assert_int_equal(log_fixture_open(fixture), -EINVAL);
	free(bytes);
}

/* No space: said before anything is written, and the log goes on when there is some. */
static void test_no_space(void **state)
{
	struct log_fixture *fixture = *state;
	struct store_log_stats stats;
	static const unsigned kinds[] = {DISK_ALLOCATE, DISK_WRITE, DISK_SYNC, DISK_RENAME,
					 DISK_SYNC_DIRECTORY};

	assert_int_equal(log_fixture_open(fixture), 0);
	for (unsigned k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		unsigned files = stats_of(fixture).files;

		/* Until a file must be made. */
		disk_faults_arm(&fixture->faults, 0, 0, 0, 0);
		while (store_log_group_bytes(LOG_BODY_BYTES_MAX) <=
		       STORE_LOG_FILE_BYTES_MIN - fixture->log->off)
			write_n(fixture, 1);
		while ((stats = stats_of(fixture)).lsn % 3 != 2)
			write_n(fixture, 1);
		files = stats.files;
		fixture->log->off = STORE_LOG_FILE_BYTES_MIN; /* as if it were full */
		disk_faults_arm(&fixture->faults, kinds[k], 1, 1, -ENOSPC);
		assert_int_equal(log_fixture_write(fixture), -ENOSPC);
		assert_false(stats_of(fixture).dead);
		assert_int_equal(stats_of(fixture).files, files);
		assert_int_equal(stats_of(fixture).lsn, stats.lsn);
		write_n(fixture, 1);
	}
	stats = stats_of(fixture);
	log_fixture_kill(fixture);
	assert_int_equal(log_fixture_open(fixture), 0);
	log_fixture_replay(fixture, 1, stats.lsn);
}

static void test_too_large(void **state)
{
	struct log_fixture *fixture = *state;
	size_t len =
		STORE_LOG_FILE_BYTES_MIN - FORMAT_LOG_HEADERS_BYTES - sizeof(struct disk_log_group);
	uint8_t *body = calloc(1, len + 1);
	struct span part = {body, len + 1};
	struct store_log_group group;
	uint64_t lsn;

	assert_int_equal(log_fixture_open(fixture), 0);
	assert_int_equal(store_log_write(fixture->log, &part, 1, 1, &lsn), -EMSGSIZE);
	part.len--;
	assert_int_equal(store_log_write(fixture->log, &part, 1, 1, &lsn), 0);
	assert_int_equal(store_log_sync(fixture->log), 0);
	store_log_close(&fixture->log);
	assert_int_equal(log_fixture_open(fixture), 0);
	assert_int_equal(store_log_replay(fixture->log, &group), 1);
	assert_int_equal(group.body.len, len);
	free(body);
}

/* Short writes are gone on with. */
static void test_short_writes(void **state)
{
	struct log_fixture *fixture = *state;

	disk_faults_arm(&fixture->faults, DISK_WRITE, 1, 1000000, 0);
	assert_int_equal(log_fixture_open(fixture), 0);
	write_n(fixture, 8);
	log_fixture_kill(fixture);
	assert_int_equal(log_fixture_open(fixture), 0);
	log_fixture_replay(fixture, 1, 8);
}

/* A failed sync: the log says so and takes no more; what was acknowledged stands. */
static void test_failed_sync(void **state)
{
	struct log_fixture *fixture = *state;
	struct store_log_flush flush;
	unsigned k;

	assert_int_equal(log_fixture_open(fixture), 0);
	write_n(fixture, 5);
	for (k = 0; k < 2; k++)
		assert_int_equal(log_fixture_write(fixture), 0);
	assert_true(store_log_flush_begin(fixture->log, &flush));
	assert_int_equal(log_fixture_write(fixture), 0); /* while it is under way */
	disk_faults_arm(&fixture->faults, DISK_SYNC, 1, 1, -EIO);
	assert_int_equal(store_log_flush_end(fixture->log, &flush, store_log_flush_run(&flush)),
			 -EIO);
	assert_true(stats_of(fixture).dead);
	assert_int_equal(stats_of(fixture).durable, 5);
	assert_int_equal(log_fixture_write(fixture), -EROFS);
	assert_int_equal(store_log_sync(fixture->log), -EROFS); /* a second sync would lie */
	assert_false(store_log_flush_begin(fixture->log, &flush));
	assert_int_equal(store_log_rescue(fixture->log), 0);
	assert_int_equal(stats_of(fixture).durable, 8);
	assert_true(stats_of(fixture).dead);
	assert_int_equal(log_fixture_write(fixture), -EROFS);
	assert_int_equal(store_log_rescue(fixture->log), -EALREADY);
	log_fixture_kill(fixture);
	assert_int_equal(log_fixture_open(fixture), 0);
	log_fixture_replay(fixture, 1, 8);
	write_n(fixture, 2);
	log_fixture_kill(fixture);
	assert_int_equal(log_fixture_open(fixture), 0);
	log_fixture_replay(fixture, 1, 10);
}

/* A rescue that fails is not tried again, and never promised. */
static void test_failed_rescue(void **state)
{
	struct log_fixture *fixture = *state;

	assert_int_equal(log_fixture_open(fixture), 0);
	write_n(fixture, 5);
	assert_int_equal(log_fixture_write(fixture), 0);
	disk_faults_arm(&fixture->faults, DISK_SYNC, 1, 9, -EIO);
	assert_int_equal(store_log_sync(fixture->log), -EIO);
	assert_int_equal(store_log_rescue(fixture->log), -EIO);
	assert_int_equal(store_log_rescue(fixture->log), -EALREADY);
	assert_int_equal(stats_of(fixture).durable, 5);
	disk_faults_arm(&fixture->faults, 0, 0, 0, 0);
	log_fixture_kill(fixture);
	assert_int_equal(log_fixture_open(fixture), 0);
	assert_true(stats_of(fixture).lsn == 5 || stats_of(fixture).lsn == 6);
	log_fixture_replay(fixture, 1, stats_of(fixture).lsn);
}

static const char *page; /* docs/format.md */

/* The page's example: of each line of the dump, 16 bytes at the offset that it says. */
static void test_example(void **state)
{
	struct log_fixture *fixture = *state;
	struct span part = span_of("change");
	FILE *file = fopen(page, "r");
	char line[512];
	bool inside = false;
	unsigned lines = 0;
	uint8_t *bytes;
	uint64_t lsn;
	size_t len;

	fixture->config.seed = 41; /* the next one's is 42 */
	assert_int_equal(log_fixture_open(fixture), 0);
	assert_int_equal(store_log_write(fixture->log, &part, 1, 1, &lsn), 0);
	assert_int_equal(store_log_sync(fixture->log), 0);
	bytes = log_file_read(fixture, "log.7.0", &len);
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (inside && strncmp(line, "```", 3) == 0)
			break;
		if (inside) {
			char *at = line;
			size_t off = strtoul(line, &at, 16);

			assert_true(off + 16 <= len);
			for (unsigned k = 0; k < 16; k++)
				assert_int_equal(bytes[off + k], strtoul(at, &at, 16));
			lines++;
		}
		inside = inside || strcmp(line, "```hexdump log.7.0\n") == 0;
	}
	assert_int_equal(lines, 13);
	fclose(file);
	free(bytes);
}

int main(int argc, char **argv)
{
#define LOG_TEST(name)                                                                             \
	cmocka_unit_test_setup_teardown(name, log_fixture_setup, log_fixture_teardown)
	const struct CMUnitTest tests[] = {
		LOG_TEST(test_round_trip),	LOG_TEST(test_recycle),
		LOG_TEST(test_all_applied),	LOG_TEST(test_cut_everywhere),
		LOG_TEST(test_torn_everywhere), LOG_TEST(test_flip_everywhere),
		LOG_TEST(test_closed_is_known), LOG_TEST(test_missing_file),
		LOG_TEST(test_old_salt),	LOG_TEST(test_cut_stays_cut),
		LOG_TEST(test_newer),		LOG_TEST(test_no_space),
		LOG_TEST(test_too_large),	LOG_TEST(test_short_writes),
		LOG_TEST(test_failed_sync),	LOG_TEST(test_failed_rescue),
		LOG_TEST(test_example),
	};

	if (argc != 2)
		return 1;
	page = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
