/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crc32c.h"
#include "format.h"
#include "record.h"

struct finder {
	struct store_check check;
	char text[8192];
};

static void found(struct store_check *check, const char *text)
{
	struct finder *finder = (struct finder *)check;
	size_t len = strlen(finder->text);

	snprintf(finder->text + len, sizeof(finder->text) - len, "%s\n", text);
}

static uint64_t faults(struct fixture *fixture, struct finder *finder)
{
	*finder = (struct finder){.check = {.found = found}};
	assert_int_equal(store_account_check(fixture->store, fixture_uuid, &finder->check), 0);
	assert_int_equal(finder->check.faults == 0, finder->text[0] == '\0');
	return finder->check.faults;
}

/* One fault, and its text holds the words. */
static void finds(struct fixture *fixture, const char *words)
{
	struct finder finder;

	if (faults(fixture, &finder) == 0 || strstr(finder.text, words) == NULL)
		fail_msg("wanted \"%s\", found \"%s\"", words, finder.text);
}

static void fill(struct fixture *fixture)
{
	struct store_import *import = fixture_import_open(fixture);
	int other = store_import_mailbox(import, span_of("Other"), 0, &fixture->error);

	assert_true(other > 0);
	for (unsigned k = 0; k < 5; k++)
		fixture_import_add(fixture, import, 0, k, 1000 + k * 20000);
	fixture_import_add(fixture, import, (unsigned)other, 2, 41000);
	fixture_import_close(fixture, &import);
}

static void test_whole(void **state)
{
	struct fixture *fixture = *state;
	struct finder finder;

	fill(fixture);
	assert_int_equal(faults(fixture, &finder), 0);
	assert_int_equal(finder.check.accounts, 1);
	assert_int_equal(finder.check.mailboxes, 2);
	assert_int_equal(finder.check.messages, 6);
	assert_true(finder.check.bytes > 5000 + 200000);
}

static int count(const uint8_t uuid[16], void *arg)
{
	unsigned *n = arg;

	assert_memory_equal(uuid, fixture_uuid, 16);
	++*n;
	return 0;
}

static void test_each(void **state)
{
	struct fixture *fixture = *state;
	unsigned n = 0;

	assert_int_equal(store_accounts_each(fixture->store, count, &n, &fixture->error), 0);
	assert_int_equal(n, 0);
	fill(fixture);
	assert_int_equal(store_accounts_each(fixture->store, count, &n, &fixture->error), 0);
	assert_int_equal(n, 1);
}

static void test_no_account(void **state)
{
	struct fixture *fixture = *state;
	struct store_check check = {.found = found};

	assert_int_equal(store_account_check(fixture->store, fixture_uuid, &check), -ENOENT);
}

/* A byte of a file, by `off` from the start. */
static void flip(struct fixture *fixture, const char *name, size_t off)
{
	size_t len;
	uint8_t *bytes = fixture_file_read(fixture, name, &len);

	assert_true(off < len);
	bytes[off] ^= 0x10;
	fixture_file_write(fixture, name, bytes, len);
	free(bytes);
}

static void test_damage_is_named(void **state)
{
	struct fixture *fixture = *state;

	fill(fixture);
	flip(fixture, "mail.0", 300);
	finds(fixture, "mail.0: message 1 at byte 64: the record's bytes are damaged");
	flip(fixture, "mail.0", 300);
	flip(fixture, "meta.0", 72);
	finds(fixture, "meta.0: message 1 at byte 64: another record lies there");
	flip(fixture, "meta.0", 72);
	flip(fixture, "mail.0", 0);
	finds(fixture, "mail.0: it is no segment");
	flip(fixture, "mail.0", 0);
	flip(fixture, "checkpoint", 300);
	finds(fixture, "checkpoint: its table of mailboxes is damaged");
}

static void test_missing_and_cut(void **state)
{
	struct fixture *fixture = *state;
	char path[256];

	fill(fixture);
	fixture_file_path(fixture, "mail.0", path);
	assert_int_equal(truncate(path, 70000), 0);
	finds(fixture, "mail.0: it is cut");
	assert_int_equal(unlink(path), 0);
	finds(fixture, "mail.0: No such file");
}

/* --- What no checksum tells: a checkpoint that is whole and wrong --- */

static void test_counters(void **state)
{
	struct fixture *fixture = *state;
	struct fixture_patch patch;

	fill(fixture);
	patch = fixture_patch_begin(fixture);
	patch.mailboxes[0].unseen++;
	fixture_patch_end(fixture, &patch);
	finds(fixture, "mailbox \"INBOX\": its counters say 4 unseen");
	patch = fixture_patch_begin(fixture);
	patch.mailboxes[0].unseen--;
	patch.mailboxes[1].size_deleted++;
	fixture_patch_end(fixture, &patch);
	finds(fixture, "mailbox \"Other\": its counters say");
	patch = fixture_patch_begin(fixture);
	patch.mailboxes[1].size_deleted--;
	patch.mailboxes[1].uidvalidity = patch.header->uidvalidity_next;
	fixture_patch_end(fixture, &patch);
	finds(fixture, "its UIDVALIDITY may be given out again");
}

static void test_references_and_ids(void **state)
{
	struct fixture *fixture = *state;
	struct fixture_patch patch;

	fill(fixture);
	patch = fixture_patch_begin(fixture);
	assert_int_equal(patch.mids[2].references, 2);
	patch.mids[2].references = 3;
	patch.bytes[patch.header->emailid_table.off] ^= 1;
	fixture_patch_end(fixture, &patch);
	finds(fixture, "message 3 counts 3 references, mailboxes have 2");
	finds(fixture, "message 1: its EMAILID is that of other bytes");
}

/* What is derived is made again and compared. */
static void test_derived(void **state)
{
	struct fixture *fixture = *state;
	size_t len;
	uint8_t *bytes, *payload;
	struct disk_record *record;
	struct disk_piece *piece;

	fill(fixture);
	bytes = fixture_file_read(fixture, "meta.0", &len);
	record = (struct disk_record *)(bytes + sizeof(struct disk_segment_header));
	piece = (struct disk_piece *)(record + 1);
	payload = (uint8_t *)record + store_record_head_bytes(record->length);
	payload[20] ^= 1;
	piece->crc = store_crc32c(0, payload, record->length);
	record->crc = store_crc32c(store_crc32c(0, record, offsetof(struct disk_record, crc)),
				   piece, sizeof(*piece));
	fixture_file_write(fixture, "meta.0", bytes, len);
	free(bytes);
	finds(fixture, "message 1: its prepared answers are not those of its bytes");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole),
		TEST(test_each),
		TEST(test_no_account),
		TEST(test_damage_is_named),
		TEST(test_missing_and_cut),
		TEST(test_counters),
		TEST(test_references_and_ids),
		TEST(test_derived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
