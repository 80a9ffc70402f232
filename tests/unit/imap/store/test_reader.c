/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reader.h"

/* A caller that counts how often it was woken. */
struct caller {
	struct store_wait wait;
	unsigned woken;
	struct store_wait *cancels; /* whom it takes off when it is woken */
};

static void woken(struct store_wait *wait)
{
	struct caller *caller = (struct caller *)wait;

	caller->woken++;
	if (caller->cancels != NULL)
		store_wait_cancel(caller->cancels);
}

static struct caller caller_make(void)
{
	return (struct caller){.wait = {.woken = woken}};
}

/* `n` messages of `size` bytes in INBOX; the seed is the index. */
static void fill(struct fixture *fixture, unsigned n, size_t size)
{
	struct store_import *import = fixture_import_open(fixture);

	for (unsigned k = 0; k < n; k++)
		assert_int_equal(fixture_import_add(fixture, import, 0, k, size), 1);
	fixture_import_close(fixture, &import);
}

static int account_ask(struct fixture *fixture, struct caller *caller,
		       struct store_account **account_r)
{
	return store_account_get(fixture->reader, fixture_uuid, &caller->wait, account_r);
}

/* The core makes no answer up: nothing comes before a worker has run. */
static void test_nothing_blocks(void **state)
{
	struct fixture *fixture = *state;
	struct caller caller = caller_make();
	struct store_account *account;
	struct store_view *view;
	struct span span;

	fill(fixture, 3, 5000);
	fixture_reader_open(fixture, 4);
	assert_int_equal(account_ask(fixture, &caller, &account), -EAGAIN);
	assert_null(account);
	assert_int_equal(fixture->work.n, 1);
	assert_true(mock_work_run_one(&fixture->work));
	assert_int_equal(caller.woken, 1);
	assert_int_equal(account_ask(fixture, &caller, &account), 0);
	assert_int_equal(store_view_get(fixture->reader, account, 0, &caller.wait, &view), -EAGAIN);
	mock_work_run(&fixture->work);
	assert_int_equal(caller.woken, 2);
	assert_int_equal(store_view_get(fixture->reader, account, 0, &caller.wait, &view), 0);
	assert_int_equal(store_meta(fixture->reader, view, 1, &caller.wait, &span), -EAGAIN);
	assert_int_equal(store_mail(fixture->reader, view, 1, 0, 10, &caller.wait, &span), -EAGAIN);
	/* The second took the caller off the first: it is woken once. */
	mock_work_run(&fixture->work);
	assert_int_equal(caller.woken, 3);
	assert_int_equal(store_meta(fixture->reader, view, 1, &caller.wait, &span), 0);
	assert_int_equal(store_mail(fixture->reader, view, 1, 4990, 100, &caller.wait, &span), 0);
	assert_int_equal(span.len, 10);
	assert_int_equal(store_mail(fixture->reader, view, 1, 5000, 1, &caller.wait, &span),
			 -EINVAL);
	assert_int_equal(store_reader_release(fixture->reader), 0);
	store_view_put(&view);
	store_account_put(&account);
	assert_null(view);
	assert_null(account);
	fixture_reader_close(fixture);
}

/* Many wait for one job; each is woken once, but for who was cancelled meanwhile. */
static void test_one_job_for_all(void **state)
{
	struct fixture *fixture = *state;
	struct caller callers[5];
	struct store_account *account;

	fill(fixture, 1, 100);
	fixture_reader_open(fixture, 4);
	for (unsigned k = 0; k < 5; k++) {
		callers[k] = caller_make();
		assert_int_equal(account_ask(fixture, &callers[k], &account), -EAGAIN);
	}
	assert_int_equal(fixture->work.submitted, 1);
	store_wait_cancel(&callers[1].wait);
	store_wait_cancel(&callers[1].wait);
	callers[0].cancels = &callers[3].wait; /* the oldest is woken first */
	mock_work_run(&fixture->work);
	assert_int_equal(callers[0].woken, 1);
	assert_int_equal(callers[1].woken, 0);
	assert_int_equal(callers[2].woken, 1);
	assert_int_equal(callers[3].woken, 0);
	assert_int_equal(callers[4].woken, 1);
	fixture_reader_close(fixture);
}

static void test_too_many_jobs(void **state)
{
	struct fixture *fixture = *state;
	struct caller caller = caller_make();
	struct store_reader_stats stats;
	struct store_account *account;
	uint8_t other[16] = {1};

	fill(fixture, 1, 100);
	fixture_reader_open(fixture, 1);
	assert_int_equal(account_ask(fixture, &caller, &account), -EAGAIN);
	assert_int_equal(store_account_get(fixture->reader, other, &caller.wait, &account), -EBUSY);
	mock_work_run(&fixture->work);
	assert_int_equal(account_ask(fixture, &caller, &account), 0);
	store_account_put(&account);
	/* A full ring is the same to the caller. */
	fixture->work.room = 0;
	assert_int_equal(store_account_get(fixture->reader, other, &caller.wait, &account), -EBUSY);
	assert_null(caller.wait.prev);
	fixture->work.room = MOCK_WORK_MAX;
	assert_int_equal(store_account_get(fixture->reader, other, &caller.wait, &account),
			 -EAGAIN);
	store_reader_stats(fixture->reader, &stats);
	assert_int_equal(stats.busy, 2);
	fixture_reader_close(fixture);
}

/* A failure is told to each that waited for it; whoever asks after them tries anew. */
static void test_failures(void **state)
{
	struct fixture *fixture = *state;
	struct caller one = caller_make(), two = caller_make();
	struct store_account *account;

	fixture_reader_open(fixture, 4);
	assert_int_equal(account_ask(fixture, &one, &account), -EAGAIN);
	assert_int_equal(account_ask(fixture, &two, &account), -EAGAIN);
	mock_work_run(&fixture->work);
	assert_int_equal(one.woken + two.woken, 2);
	assert_int_equal(account_ask(fixture, &one, &account), -ENOENT);
	assert_int_equal(account_ask(fixture, &two, &account), -ENOENT);
	fill(fixture, 1, 100);
	assert_int_equal(account_ask(fixture, &one, &account), -EAGAIN);
	mock_work_run(&fixture->work);
	assert_int_equal(account_ask(fixture, &one, &account), 0);
	store_account_put(&account);
	fixture_reader_close(fixture);
}

/* Spans across chunks: what is ready is given out, the rest is asked for. */
static void test_chunks(void **state)
{
	struct fixture *fixture = *state;
	struct caller caller = caller_make();
	struct store_reader_stats stats;
	struct store_account *account;
	struct store_view *view;
	struct span span;
	uint32_t size = 7 << 20;

	fill(fixture, 1, size);
	fixture_reader_open(fixture, 1); /* no job to spare for reading ahead */
	assert_int_equal(fixture_account(fixture, &account), 0);
	assert_int_equal(fixture_view(fixture, account, "INBOX", &view), 0);
	assert_int_equal(store_mail(fixture->reader, view, 0, 0, size, &caller.wait, &span),
			 -EAGAIN);
	mock_work_run(&fixture->work);
	assert_int_equal(store_mail(fixture->reader, view, 0, 0, size, &caller.wait, &span), 0);
	assert_true(span.len > (2 << 20) - 100000 && span.len < 2 << 20);
	assert_int_equal(
		store_mail(fixture->reader, view, 0, (uint32_t)span.len, 1, &caller.wait, &span),
		-EAGAIN);
	mock_work_run(&fixture->work);
	assert_int_equal(store_mail(fixture->reader, view, 0, 0, size, &caller.wait, &span), 0);
	assert_true(span.len > (4 << 20) - 100000 && span.len < 4 << 20);
	fixture_message_check(fixture, view, 0, 0, size);
	store_reader_stats(fixture->reader, &stats);
	assert_int_equal(stats.chunks_warmed, 4 + 1);
	assert_int_equal(stats.segments, 2);
	store_view_put(&view);
	store_account_put(&account);
	fixture_reader_close(fixture);
}

static void test_read_ahead(void **state)
{
	struct fixture *fixture = *state;
	struct caller caller = caller_make();
	struct store_account *account;
	struct store_view *view;
	struct span span;

	fill(fixture, 1, 7 << 20);
	fixture_reader_open(fixture, 8);
	assert_int_equal(fixture_account(fixture, &account), 0);
	assert_int_equal(fixture_view(fixture, account, "INBOX", &view), 0);
	fixture->work.submitted = 0;
	store_mail(fixture->reader, view, 0, 0, 1, &caller.wait, &span);
	mock_work_run(&fixture->work);
	store_mail(fixture->reader, view, 0, 3 << 20, 1, &caller.wait, &span);
	/* The first opens the segment and reads nothing ahead; the second does. */
	assert_int_equal(fixture->work.submitted, 1 + 2);
	mock_work_run(&fixture->work);
	assert_int_equal(
		store_mail(fixture->reader, view, 0, 3 << 20, 4 << 20, &caller.wait, &span), 0);
	assert_true(span.len > 2 << 20);
	store_view_put(&view);
	store_account_put(&account);
	fixture_reader_close(fixture);
}

/* Segments beyond the limit go, the one in use last; what went comes again when it is asked for. */
static void test_segments_evicted(void **state)
{
	struct fixture *fixture = *state;
	struct store_reader_stats stats;
	struct store_account *account;
	struct store_view *view;
	enum { MESSAGES = 40 };

	store_close(&fixture->store);
	fixture->segment_bytes_max = 300 << 10;
	fixture_store_open(fixture);
	fill(fixture, MESSAGES, 280 << 10); /* one a segment */
	fixture_reader_open(fixture, 4);
	fixture->reader->segments_max = 5;
	assert_int_equal(fixture_account(fixture, &account), 0);
	assert_int_equal(fixture_view(fixture, account, "INBOX", &view), 0);
	for (unsigned round = 0; round < 3; round++)
		for (unsigned k = 0; k < MESSAGES; k++) {
			fixture_message_check(fixture, view, k, k, 280 << 10);
			assert_int_equal(store_reader_release(fixture->reader), 0);
			mock_work_run(&fixture->work);
			store_reader_stats(fixture->reader, &stats);
			assert_true(stats.segments <= 6);
		}
	assert_true(stats.segments_dropped >= 3 * MESSAGES - 6 - 1);
	/* By bytes, too. */
	fixture->reader->segments_bytes_max = 600 << 10;
	for (unsigned k = 0; k < MESSAGES; k++)
		fixture_message_check(fixture, view, k, k, 280 << 10);
	store_reader_stats(fixture->reader, &stats);
	assert_true(stats.segments_bytes <= 900 << 10);
	store_view_put(&view);
	store_account_put(&account);
	fixture_reader_close(fixture);
}

static void account_of(uint8_t uuid_r[16], unsigned number)
{
	memset(uuid_r, 0, 16);
	uuid_r[0] = (uint8_t)number;
	uuid_r[15] = 1;
}

static int account_get(struct fixture *fixture, unsigned number, struct store_account **account_r)
{
	struct caller caller = caller_make();
	uint8_t uuid[16];
	int status;

	account_of(uuid, number);
	while ((status = store_account_get(fixture->reader, uuid, &caller.wait, account_r)) ==
	       -EAGAIN)
		mock_work_run(&fixture->work);
	return status;
}

static void test_accounts_evicted(void **state)
{
	struct fixture *fixture = *state;
	struct store_reader_stats stats;
	struct store_account *held, *again, *other;
	enum { ACCOUNTS = 12 };

	for (unsigned k = 0; k < ACCOUNTS; k++) {
		struct store_import *import;
		uint8_t uuid[16];

		account_of(uuid, k);
		assert_int_equal(store_import_open(fixture->store, uuid, &import, &fixture->error),
				 0);
		fixture_import_close(fixture, &import);
	}
	fixture_reader_open(fixture, 4);
	fixture->reader->accounts_idle_max = 3;
	assert_int_equal(account_get(fixture, 0, &held), 0);
	for (unsigned k = 1; k < ACCOUNTS; k++) {
		assert_int_equal(account_get(fixture, k, &other), 0);
		store_account_put(&other);
	}
	store_reader_stats(fixture->reader, &stats);
	assert_true(stats.accounts <= 1 + 3 + 1);
	/* Who is held stays, and is the same for everybody on this core. */
	assert_int_equal(account_get(fixture, 0, &again), 0);
	assert_ptr_equal(held, again);
	store_account_put(&again);
	/* One that is larger than the limit allows can be had all the same. */
	fixture->reader->accounts_idle_bytes_max = 1;
	assert_int_equal(account_get(fixture, 5, &other), 0);
	store_account_put(&other);
	store_account_put(&held);
	assert_int_equal(account_get(fixture, 1, &other), 0);
	store_account_put(&other);
	fixture_reader_close(fixture);
}

/* A reader may be destroyed while its jobs run: the last one takes it along. */
static void test_destroyed_under_way(void **state)
{
	struct fixture *fixture = *state;
	struct caller caller = caller_make();
	struct store_account *account;
	struct store_view *view;
	struct span span;

	fill(fixture, 3, 100);
	fixture_reader_open(fixture, 4);
	assert_int_equal(fixture_account(fixture, &account), 0);
	assert_int_equal(fixture_view(fixture, account, "INBOX", &view), 0);
	assert_int_equal(store_meta(fixture->reader, view, 0, &caller.wait, &span), -EAGAIN);
	store_view_put(&view);
	store_account_put(&account);
	store_reader_destroy(&fixture->reader);
	assert_null(caller.wait.prev);
	mock_work_run(&fixture->work);
	assert_int_equal(caller.woken, 0);
}

/* cmocka puts its own handlers in place before each test. */
static struct sigaction bus_action;

/*
 * The disk loses a page that was ready (here: the file is cut under the map). Whoever reads it gets
 * zeros and is told so before the answer leaves; what is asked next is an error.
 */
static void test_page_lost(void **state)
{
	struct fixture *fixture = *state;
	struct store_reader_stats stats;
	struct store_account *account;
	struct caller caller = caller_make();
	struct store_view *view;
	struct span span;
	uint64_t sum = 0;
	char path[256];

	fill(fixture, 1, 1 << 20);
	fixture_reader_open(fixture, 4);
	assert_int_equal(fixture_account(fixture, &account), 0);
	assert_int_equal(fixture_view(fixture, account, "INBOX", &view), 0);
	fixture_message_check(fixture, view, 0, 0, 1 << 20);
	assert_int_equal(store_reader_release(fixture->reader), 0);
	sigaction(SIGBUS, &bus_action, NULL);
	fixture_file_path(fixture, "mail.0", path);
	assert_int_equal(truncate(path, 4096), 0);
	assert_int_equal(store_mail(fixture->reader, view, 0, 0, 1 << 20, &caller.wait, &span), 0);
	for (size_t i = 8192; i < 20000; i++)
		sum += span.ptr[i];
	assert_int_equal(sum, 0);
	assert_int_equal(store_reader_release(fixture->reader), -EIO);
	assert_int_equal(store_reader_release(fixture->reader), 0);
	store_reader_stats(fixture->reader, &stats);
	assert_true(stats.pages_lost > 0);
	assert_int_equal(store_mail(fixture->reader, view, 0, 0, 1, &caller.wait, &span), -EAGAIN);
	mock_work_run(&fixture->work);
	assert_int_equal(store_mail(fixture->reader, view, 0, 0, 1, &caller.wait, &span), -EIO);
	store_view_put(&view);
	store_account_put(&account);
	fixture_reader_close(fixture);
}

/* A fault outside of our maps ends the process, as it would without us. */
static void test_other_fault(void **state)
{
	struct fixture *fixture = *state;
	char path[256];
	pid_t child;
	int status;

	fill(fixture, 1, 100);
	fixture_file_path(fixture, "mail.0", path);
	child = fork();
	if (child == 0) {
		int file = open(path, O_RDWR);
		volatile uint8_t *map = mmap(NULL, 8192, PROT_READ, MAP_SHARED, file, 0);
		struct rlimit no_core = {0};

		setrlimit(RLIMIT_CORE, &no_core);
		sigaction(SIGBUS, &bus_action, NULL);
		if (ftruncate(file, 0) == 0)
			_exit(map[4096]);
		_exit(1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_blocks),
		TEST(test_one_job_for_all),
		TEST(test_too_many_jobs),
		TEST(test_failures),
		TEST(test_chunks),
		TEST(test_read_ahead),
		TEST(test_segments_evicted),
		TEST(test_accounts_evicted),
		TEST(test_destroyed_under_way),
		TEST(test_page_lost),
		TEST(test_other_fault),
	};

	/* As in a program that has no handler of its own. */
	signal(SIGBUS, SIG_DFL);
	if (store_bus_install() != 0)
		return 1;
	sigaction(SIGBUS, NULL, &bus_action);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
