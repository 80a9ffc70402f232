/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t size_of(uint64_t seed)
{
	static const size_t sizes[] = {1, 63, 64, 4000, 16384, 16385, 50000, 300000};

	return sizes[seed % 8] + seed;
}

static unsigned mailbox_make(struct fixture *fixture, struct store_import *import, const char *name,
			     uint32_t attributes)
{
	int number = store_import_mailbox(import, span_of(name), attributes, &fixture->error);

	if (number < 0)
		fail_msg("%s", fixture->error.text);
	return (unsigned)number;
}

static void check_all(struct fixture *fixture, const char *name, uint64_t from, uint64_t to)
{
	struct store_account *account;
	struct store_view *view;

	fixture_reader_open(fixture, 4);
	assert_int_equal(fixture_account(fixture, &account), 0);
	assert_int_equal(fixture_view(fixture, account, name, &view), 0);
	assert_int_equal(store_view_count(view), to - from);
	for (uint64_t seed = from; seed < to; seed++) {
		uint32_t index = (uint32_t)(seed - from);

		assert_int_equal(store_view_uid(view, index), index + 1);
		fixture_message_check(fixture, view, index, seed, size_of(seed));
	}
	store_view_put(&view);
	store_account_put(&account);
	fixture_reader_close(fixture);
}

static void test_read_back(void **state)
{
	struct fixture *fixture = *state;
	struct store_import *import = fixture_import_open(fixture);
	unsigned inbox = mailbox_make(fixture, import, "inbox", 0);
	unsigned work = mailbox_make(fixture, import, "Work/2024/ä", STORE_SUBSCRIBED);

	for (uint64_t seed = 0; seed < 600; seed++)
		assert_int_equal(fixture_import_add(fixture, import, inbox, seed, size_of(seed)),
				 1);
	for (uint64_t seed = 1000; seed < 1010; seed++)
		assert_int_equal(fixture_import_add(fixture, import, work, seed, size_of(seed)), 1);
	fixture_import_close(fixture, &import);
	check_all(fixture, "INBOX", 0, 600);
	check_all(fixture, "Work/2024/ä", 1000, 1010);
}

static void test_mailboxes(void **state)
{
	struct fixture *fixture = *state;
	struct store_import *import = fixture_import_open(fixture);
	struct store_mailbox_info info;
	struct store_account *account;
	struct store_view *view;
	unsigned box = mailbox_make(fixture, import, "a/b", STORE_USE_SENT);

	mailbox_make(fixture, import, "a b", 0);
	mailbox_make(fixture, import, "gone/x", STORE_NONEXISTENT | STORE_SUBSCRIBED);
	for (uint64_t seed = 0; seed < 64; seed++)
		fixture_import_add(fixture, import, box, seed, 100 + seed);
	fixture_import_close(fixture, &import);

	fixture_reader_open(fixture, 4);
	assert_int_equal(fixture_account(fixture, &account), 0);
	assert_int_equal(store_mailbox_count(account), 5);
	store_mailbox_info(account, 0, &info);
	assert_true(span_eq(info.name, span_of("INBOX")));
	store_mailbox_info(account, 1, &info);
	assert_true(span_eq(info.name, span_of("a")));
	assert_int_equal(info.attributes, STORE_NOSELECT);
	store_mailbox_info(account, 2, &info);
	assert_true(span_eq(info.name, span_of("a/b")));
	assert_int_equal(info.attributes, STORE_USE_SENT);
	assert_int_equal(info.messages, 64);
	assert_int_equal(info.uidnext, 65);
	assert_int_equal(info.unseen, 32);
	assert_int_equal(info.deleted, 32);
	assert_int_equal(info.size, 64 * 100 + 63 * 64 / 2);
	assert_true(info.uidvalidity > 0 && info.highestmodseq >= 64);
	assert_int_equal(store_mailbox_find(account, span_of("iNbOx")), 0);
	assert_int_equal(store_mailbox_find(account, span_of("a b")), 3);
	assert_int_equal(store_mailbox_find(account, (struct span){(const uint8_t *)"a\0b", 3}),
			 -ENOENT);
	assert_int_equal(store_mailbox_find(account, span_of("")), -ENOENT);
	assert_int_equal(fixture_view(fixture, account, "a", &view), -ENOENT);
	assert_int_equal(fixture_view(fixture, account, "gone/x", &view), -ENOENT);
	assert_int_equal(fixture_view(fixture, account, "a/b", &view), 0);
	assert_int_equal(store_view_keyword_count(view), 2);
	assert_true(span_eq(store_view_keyword(view, 1), span_of("$Odd")));
	assert_int_equal(store_view_keyword(view, 2).len, 0);
	assert_int_equal(store_view_lower_bound(view, 0), 0);
	assert_int_equal(store_view_lower_bound(view, 10), 9);
	assert_int_equal(store_view_lower_bound(view, 65), 64);
	assert_true(store_view_modseq(view, 63) > store_view_modseq(view, 62));
	store_view_put(&view);
	store_account_put(&account);
	fixture_reader_close(fixture);
}

/* An account without mail, as `user add` makes it, can be opened again and filled. */
static void test_empty(void **state)
{
	struct fixture *fixture = *state;
	struct store_account *account;
	struct store_view *view;

	for (unsigned run = 0; run < 3; run++) {
		struct store_import *import = fixture_import_open(fixture);

		if (run == 2)
			fixture_import_add(fixture, import, 0, 5, 100);
		fixture_import_close(fixture, &import);
		fixture_reader_open(fixture, 4);
		assert_int_equal(fixture_account(fixture, &account), 0);
		assert_int_equal(fixture_view(fixture, account, "INBOX", &view), 0);
		assert_int_equal(store_view_count(view), run == 2);
		assert_int_equal(store_view_lower_bound(view, 1), 0);
		store_view_put(&view);
		store_account_put(&account);
		fixture_reader_close(fixture);
	}
}

static int add_with_uid(struct fixture *fixture, struct store_import *import, uint64_t seed,
			uint32_t uid)
{
	uint8_t *bytes = fixture_message(seed, 100);
	struct store_message message = {.bytes = {bytes, 100}, .uid = uid};
	int status = store_import_message(import, 0, &message, &fixture->error);

	free(bytes);
	return status;
}

static void inbox_info(struct fixture *fixture, struct store_mailbox_info *info_r)
{
	struct store_account *account;

	fixture_reader_open(fixture, 4);
	assert_int_equal(fixture_account(fixture, &account), 0);
	store_mailbox_info(account, 0, info_r);
	store_account_put(&account);
	fixture_reader_close(fixture);
}

static void test_identity_bounds(void **state)
{
	struct fixture *fixture = *state;
	struct store_import *import = fixture_import_open(fixture);
	struct store_identity identity = {.uidvalidity = 0};

	assert_int_equal(store_import_identity(import, 0, &identity, &fixture->error), -EINVAL);
	identity.uidvalidity = STORE_UIDVALIDITY_KEPT_MAX + 1;
	assert_int_equal(store_import_identity(import, 0, &identity, &fixture->error), -EINVAL);
	identity.uidvalidity = STORE_UIDVALIDITY_KEPT_MAX;
	assert_int_equal(store_import_identity(import, 0, &identity, &fixture->error), 0);
	assert_int_equal(add_with_uid(fixture, import, 1, UINT32_MAX), -EINVAL);
	assert_int_equal(add_with_uid(fixture, import, 1, UINT32_MAX - 1), 1);
	assert_int_equal(add_with_uid(fixture, import, 2, 0), -EINVAL);
	/* What the account gives out itself stays above. */
	assert_int_equal(store_import_uidvalidity_renew(import, 0, &fixture->error), 0);
	fixture_import_close(fixture, &import);
}

/* UIDs are taken once, kept over runs, and mean the same bytes or nothing. */
static void test_identity(void **state)
{
	static const uint8_t id[16] = "a mailbox's own";
	const struct store_identity identity = {.uidvalidity = 7, .mailboxid = id};
	const struct store_identity other = {.uidvalidity = 8};
	struct fixture *fixture = *state;
	struct store_mailbox_info info;
	struct store_import *import;

	for (unsigned run = 0; run < 2; run++) {
		int added = run == 0;

		import = fixture_import_open(fixture);
		assert_int_equal(store_import_identity(import, 0, &identity, &fixture->error), 0);
		assert_int_equal(add_with_uid(fixture, import, 1, 5), added);
		assert_int_equal(add_with_uid(fixture, import, 1, 9), added);
		store_import_uidnext(import, 0, 20);
		assert_int_equal(add_with_uid(fixture, import, 3, 0), added);
		fixture_import_close(fixture, &import);
		inbox_info(fixture, &info);
		assert_int_equal(info.uidvalidity, 7);
		assert_int_equal(info.uidnext, 21);
		assert_int_equal(info.messages, 3);
		assert_memory_equal(info.mailboxid, id, 16);
	}
	import = fixture_import_open(fixture);
	assert_int_equal(store_import_identity(import, 0, &other, &fixture->error), -EEXIST);
	assert_int_equal(store_import_identity(import, 0, &identity, &fixture->error), 0);
	assert_int_equal(add_with_uid(fixture, import, 2, 5), -EEXIST);	 /* is another's */
	assert_int_equal(add_with_uid(fixture, import, 2, 6), -EEXIST);	 /* may have been */
	assert_int_equal(add_with_uid(fixture, import, 3, 30), -EEXIST); /* has 20 */
	assert_int_equal(add_with_uid(fixture, import, 2, 30), 1);
	assert_int_equal(store_import_uidvalidity_renew(import, 0, &fixture->error), 0);
	fixture_import_close(fixture, &import);
	inbox_info(fixture, &info);
	assert_true(info.uidvalidity > 8);
	assert_int_equal(info.uidnext, 31);
	assert_int_equal(info.messages, 4);
}

/* The same source again adds nothing; a source with one more copy of a message adds one. */
static void test_again_adds_nothing(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned run = 0; run < 3; run++) {
		struct store_import *import = fixture_import_open(fixture);
		unsigned inbox = mailbox_make(fixture, import, "INBOX", 0);
		unsigned other = mailbox_make(fixture, import, "Other", 0);

		for (uint64_t seed = 0; seed < 20; seed++)
			assert_int_equal(fixture_import_add(fixture, import, inbox, seed, 500),
					 run == 0);
		/* Twice in the source is twice in the mailbox. */
		assert_int_equal(fixture_import_add(fixture, import, inbox, 7, 500), run == 0);
		assert_int_equal(fixture_import_add(fixture, import, other, 7, 500), run == 0);
		if (run == 2)
			assert_int_equal(fixture_import_add(fixture, import, other, 7, 500), 1);
		fixture_import_close(fixture, &import);
	}
}

/* Bytes that several mailboxes hold are stored once. */
static void test_bytes_are_shared(void **state)
{
	struct fixture *fixture = *state;
	struct store_import *import = fixture_import_open(fixture);
	size_t once, twice;

	fixture_import_add(fixture, import, 0, 1, 100000);
	fixture_import_close(fixture, &import);
	free(fixture_file_read(fixture, "mail.0", &once));
	import = fixture_import_open(fixture);
	for (unsigned k = 0; k < 5; k++) {
		char name[8];

		snprintf(name, sizeof(name), "box%u", k);
		fixture_import_add(fixture, import, mailbox_make(fixture, import, name, 0), 1,
				   100000);
	}
	fixture_import_close(fixture, &import);
	free(fixture_file_read(fixture, "mail.0", &twice));
	assert_int_equal(once, twice);
}

/* Messages larger than a segment have one of their own. */
static void test_large_messages(void **state)
{
	struct fixture *fixture = *state;
	struct store_import *import;
	struct store_account *account;
	struct store_view *view;
	static const size_t sizes[] = {100, 600000, 5000000, 200, 600001, 0};

	store_close(&fixture->store);
	fixture->segment_bytes_max = 512 << 10;
	fixture_store_open(fixture);
	import = fixture_import_open(fixture);
	for (unsigned k = 0; k < 6; k++)
		assert_int_equal(fixture_import_add(fixture, import, 0, k, sizes[k]), 1);
	fixture_import_close(fixture, &import);
	fixture_reader_open(fixture, 4);
	assert_int_equal(fixture_account(fixture, &account), 0);
	assert_int_equal(fixture_view(fixture, account, "INBOX", &view), 0);
	for (unsigned k = 0; k < 6; k++)
		fixture_message_check(fixture, view, k, k, sizes[k]);
	store_view_put(&view);
	store_account_put(&account);
	fixture_reader_close(fixture);
}

enum { KILL_MESSAGES = 400 };

static void import_until_killed(struct fixture *fixture)
{
	struct store_import *import = fixture_import_open(fixture);

	for (uint64_t seed = 0; seed < KILL_MESSAGES; seed++) {
		if (fixture_import_add(fixture, import, 0, seed, size_of(seed) % 20000) < 0)
			_exit(1);
		if (seed % 50 == 49 && store_import_commit(import, &fixture->error) != 0)
			_exit(1);
	}
	store_import_close(&import, &fixture->error);
	_exit(0);
}

/* However often the import is killed, running it again completes it and adds nothing twice. */
static void test_killed_and_resumed(void **state)
{
	struct fixture *fixture = *state;
	struct store_account *account;
	struct store_view *view;
	unsigned kills = 0;

	store_close(&fixture->store);
	for (unsigned run = 0;; run++) {
		pid_t child = fork();
		int status;

		if (child == 0) {
			fixture_store_open(fixture);
			import_until_killed(fixture);
		}
		usleep(500 + run * 700);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			break;
		}
		kills++;
	}
	assert_true(kills > 0);
	fixture_store_open(fixture);
	fixture_reader_open(fixture, 4);
	assert_int_equal(fixture_account(fixture, &account), 0);
	assert_int_equal(fixture_view(fixture, account, "INBOX", &view), 0);
	assert_int_equal(store_view_count(view), KILL_MESSAGES);
	for (uint32_t k = 0; k < KILL_MESSAGES; k++)
		fixture_message_check(fixture, view, k, k, size_of(k) % 20000);
	store_view_put(&view);
	store_account_put(&account);
	fixture_reader_close(fixture);
}

static void test_names_refused(void **state)
{
	struct fixture *fixture = *state;
	struct store_import *import = fixture_import_open(fixture);
	static const char *const names[] = {"",	    "/a",	"a/",	       "a//b",
					    "a\tb", "\xc0\xaf", "\xed\xa0\x80"};

	for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
		assert_int_equal(
			store_import_mailbox(import, span_of(names[k]), 0, &fixture->error),
			-EINVAL);
	fixture_import_close(fixture, &import);
}

static void test_other_prepare_version(void **state)
{
	struct fixture *fixture = *state;
	struct store_import *import = fixture_import_open(fixture);
	struct store_account *account;

	fixture_import_add(fixture, import, 0, 1, 100);
	fixture_import_close(fixture, &import);
	store_close(&fixture->store);
	fixture->prepare_version = 2;
	fixture_store_open(fixture);
	assert_int_equal(store_import_open(fixture->store, fixture_uuid, &import, &fixture->error),
			 -EINVAL);
	fixture_reader_open(fixture, 4);
	assert_int_equal(fixture_account(fixture, &account), -EIO);
	assert_non_null(strstr(fixture->log_last, "version"));
	fixture_reader_close(fixture);
}

static void test_remove(void **state)
{
	struct fixture *fixture = *state;
	struct store_import *import = fixture_import_open(fixture);
	struct store_account *account;

	fixture_import_add(fixture, import, 0, 1, 100);
	fixture_import_close(fixture, &import);
	assert_int_equal(store_account_remove(fixture->store, fixture_uuid, &fixture->error), 0);
	assert_int_equal(store_account_remove(fixture->store, fixture_uuid, &fixture->error),
			 -ENOENT);
	fixture_reader_open(fixture, 4);
	assert_int_equal(fixture_account(fixture, &account), -ENOENT);
	fixture_reader_close(fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_read_back),
		TEST(test_mailboxes),
		TEST(test_empty),
		TEST(test_identity_bounds),
		TEST(test_identity),
		TEST(test_again_adds_nothing),
		TEST(test_bytes_are_shared),
		TEST(test_large_messages),
		TEST(test_killed_and_resumed),
		TEST(test_names_refused),
		TEST(test_other_prepare_version),
		TEST(test_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
