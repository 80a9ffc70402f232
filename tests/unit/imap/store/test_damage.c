/* SPDX-License-Identifier: Apache-2.0 */
/* Damaged files are an error, or the damage lies where nothing is read; never a wrong answer. */
#include "fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format.h"

enum { MESSAGES = 3 };

static size_t size_of(unsigned k)
{
	return 40 + k * 60;
}

static void fill(struct fixture *fixture)
{
	struct store_import *import = fixture_import_open(fixture);

	for (unsigned k = 0; k < MESSAGES; k++)
		assert_int_equal(fixture_import_add(fixture, import, 0, k, size_of(k)), 1);
	fixture_import_close(fixture, &import);
}

/* What was found: nothing wrong, or an error that says so. Anything else fails the test. */
static bool read_whole(struct fixture *fixture)
{
	struct store_account *account;
	struct store_view *view = NULL;
	bool whole = true;
	int status;

	fixture_reader_open(fixture, 4);
	status = fixture_account(fixture, &account);
	if (status == 0)
		status = fixture_view(fixture, account, "INBOX", &view);
	if (status != 0 || store_view_count(view) != MESSAGES) {
		assert_true(status == -EIO || status == -ENOENT);
		whole = false;
	}
	for (unsigned k = 0; k < MESSAGES && whole; k++) {
		uint8_t *bytes;
		struct span span;
		size_t len;

		status = fixture_mail(fixture, view, k, &bytes, &len);
		if (status == 0) {
			free(bytes);
			status = fixture_meta(fixture, view, k, &span);
		}
		if (status != 0)
			assert_int_equal(status, -EIO);
		else
			fixture_message_check(fixture, view, k, k, size_of(k));
		whole = status == 0;
	}
	store_view_put(&view);
	store_account_put(&account);
	fixture_reader_close(fixture);
	return whole;
}

/* Flips a bit of each byte below `end`. How many flips did no harm. */
static unsigned flip_all(struct fixture *fixture, const char *name, size_t end)
{
	unsigned harmless = 0;
	char path[256];
	uint8_t byte;
	int file;

	assert_true(read_whole(fixture));
	fixture_file_path(fixture, name, path);
	file = open(path, O_RDWR);
	for (size_t at = 0; at < end; at++) {
		assert_int_equal(pread(file, &byte, 1, (off_t)at), 1);
		byte ^= (uint8_t)(1 << at % 8);
		assert_int_equal(pwrite(file, &byte, 1, (off_t)at), 1);
		fixture->log_lines = 0;
		if (read_whole(fixture))
			harmless++;
		else
			assert_true(fixture->log_lines > 0);
		byte ^= (uint8_t)(1 << at % 8);
		assert_int_equal(pwrite(file, &byte, 1, (off_t)at), 1);
	}
	close(file);
	assert_true(read_whole(fixture));
	return harmless;
}

static void test_flips_in_checkpoint(void **state)
{
	struct fixture *fixture = *state;
	size_t len;
	unsigned harmless;

	fill(fixture);
	free(fixture_file_read(fixture, "checkpoint", &len));
	harmless = flip_all(fixture, "checkpoint", len);
	/* Only what fills up to the next multiple of 64 is under no checksum: six gaps at most. */
	assert_true(harmless <= 6 * (FORMAT_RECORD_ALIGN - 1));
}

static void test_flips_in_segments(void **state)
{
	struct fixture *fixture = *state;
	static const char *const names[] = {"mail.0", "meta.0"};

	fill(fixture);
	for (unsigned k = 0; k < 2; k++) {
		unsigned harmless = flip_all(fixture, names[k], 2000);

		/* Gaps: after each record's pieces and payload; and what lies past `used`. */
		assert_true(harmless < 1700);
	}
}

static void test_cuts(void **state)
{
	struct fixture *fixture = *state;
	static const char *const names[] = {"checkpoint", "mail.0", "meta.0"};

	fill(fixture);
	for (unsigned k = 0; k < 3; k++) {
		size_t len, step;
		uint8_t *bytes = fixture_file_read(fixture, names[k], &len);

		step = k == 0 ? 97 : 64;
		for (size_t cut = 0; cut < (k == 0 ? len : 600); cut += step) {
			fixture_file_write(fixture, names[k], bytes, cut);
			assert_false(read_whole(fixture));
		}
		fixture_file_write(fixture, names[k], bytes, len);
		assert_true(read_whole(fixture));
		free(bytes);
	}
}

static void test_missing(void **state)
{
	struct fixture *fixture = *state;
	static const char *const names[] = {"mail.0", "meta.0", "checkpoint"};

	fill(fixture);
	for (unsigned k = 0; k < 3; k++) {
		size_t len;
		uint8_t *bytes = fixture_file_read(fixture, names[k], &len);
		char path[256];

		fixture_file_path(fixture, names[k], path);
		assert_int_equal(unlink(path), 0);
		assert_false(read_whole(fixture));
		fixture_file_write(fixture, names[k], bytes, len);
		free(bytes);
	}
	assert_true(read_whole(fixture));
}

/* One account's files under another's name are not served. */
static void test_another_accounts(void **state)
{
	struct fixture *fixture = *state;
	struct store_import *import;
	uint8_t other[16] = {9};
	size_t len;
	uint8_t *bytes;
	char path[256];
	FILE *file;

	fill(fixture);
	assert_int_equal(store_import_open(fixture->store, other, &import, &fixture->error), 0);
	fixture_import_close(fixture, &import);
	snprintf(path, sizeof(path), "%s/09/00/09000000-0000-0000-0000-000000000000/checkpoint",
		 fixture->directory);
	file = fopen(path, "r");
	bytes = malloc(1 << 20);
	len = fread(bytes, 1, 1 << 20, file);
	fclose(file);
	fixture_file_write(fixture, "checkpoint", bytes, len);
	free(bytes);
	assert_false(read_whole(fixture));
	assert_non_null(strstr(fixture->log_last, "another account's"));
}

/* One damaged message takes no other with it. */
static void test_damage_stays_where_it_is(void **state)
{
	struct fixture *fixture = *state;
	struct store_reader_stats stats;
	struct store_account *account;
	struct store_view *view;
	size_t len;
	uint8_t *bytes, *mail;

	fill(fixture);
	bytes = fixture_file_read(fixture, "mail.0", &len);
	mail = memmem(bytes, len, "WMRC", 4);
	assert_non_null(mail);
	mail[128] ^= 1; /* in the payload of the first: 64 of head, 40 and 24 of pieces */
	fixture_file_write(fixture, "mail.0", bytes, len);
	free(bytes);
	fixture_reader_open(fixture, 4);
	assert_int_equal(fixture_account(fixture, &account), 0);
	assert_int_equal(fixture_view(fixture, account, "INBOX", &view), 0);
	assert_int_equal(fixture_mail(fixture, view, 0, &bytes, &len), -EIO);
	fixture_message_check(fixture, view, 1, 1, size_of(1));
	fixture_message_check(fixture, view, 2, 2, size_of(2));
	assert_int_equal(fixture_mail(fixture, view, 0, &bytes, &len), -EIO);
	store_reader_stats(fixture->reader, &stats);
	assert_int_equal(stats.records_damaged, 1);
	assert_non_null(strstr(fixture->log_last, "mail.0"));
	store_view_put(&view);
	store_account_put(&account);
	fixture_reader_close(fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_flips_in_checkpoint),
		TEST(test_flips_in_segments),
		TEST(test_cuts),
		TEST(test_missing),
		TEST(test_another_accounts),
		TEST(test_damage_stays_where_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
