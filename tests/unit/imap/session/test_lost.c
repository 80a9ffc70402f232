/* SPDX-License-Identifier: Apache-2.0 */
/* Mail that is cold in the middle of an answer, and mail that is damaged. */
#include "fixture.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LONG_BYTES = 7 << 20 }; /* several of the store's chunks of 2 MiB */

static uint8_t *long_message;

/* A mailbox "Long" with one message that no chunk holds. */
static void long_import(struct fixture *fixture)
{
	const char head[] = "Subject: long\r\n\r\n";
	struct store_message message = {.date = {1795000000, 0}};
	struct store_import *import;
	struct store_error error;
	int mailbox;

	long_message = malloc(LONG_BYTES);
	assert_non_null(long_message);
	memcpy(long_message, head, sizeof(head) - 1);
	for (unsigned k = sizeof(head) - 1; k < LONG_BYTES; k++)
		long_message[k] =
			k % 64 == 0 ? '\n' : (uint8_t)('a' + (k * 2654435761u >> 20) % 26);
	message.bytes = (struct span){long_message, LONG_BYTES};
	assert_int_equal(store_import_open(fixture->store, fixture_account, &import, &error), 0);
	mailbox = store_import_mailbox(import, span_of("Long"), 0, &error);
	assert_true(mailbox >= 0);
	assert_int_equal(store_import_message(import, (unsigned)mailbox, &message, &error), 1);
	assert_int_equal(store_import_close(&import, &error), 0);
	fixture_engine_restart(fixture);
}

static int lost_setup(void **state)
{
	int status = fixture_setup(state);

	long_import(*state);
	return status;
}

static int lost_teardown(void **state)
{
	free(long_message);
	return fixture_teardown(state);
}

/* --- Damage --- */

static const uint8_t *sought;
static size_t sought_len;
static unsigned damaged;

/* Flips a bit in the middle of what is sought, in every file that has it. */
static int file_damage(const char *path, const struct stat *stat, int flag, struct FTW *walk)
{
	uint8_t *map, *found;
	int file;

	(void)walk;
	if (flag != FTW_F || stat->st_size == 0)
		return 0;
	file = open(path, O_RDWR | O_CLOEXEC);
	assert_true(file >= 0);
	map = mmap(NULL, (size_t)stat->st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	assert_true(map != MAP_FAILED);
	found = memmem(map, (size_t)stat->st_size, sought, sought_len);
	if (found != NULL) {
		found[sought_len / 2] ^= 1;
		damaged++;
	}
	munmap(map, (size_t)stat->st_size);
	close(file);
	return 0;
}

static void damage(struct fixture *fixture, const void *bytes, size_t len)
{
	sought = bytes;
	sought_len = len;
	damaged = 0;
	assert_int_equal(nftw(fixture->directory, file_damage, 16, FTW_PHYS), 0);
	assert_int_equal(damaged, 1);
	fixture_engine_restart(fixture);
}

/* --- Tests --- */

static void test_cold_in_mid_row(void **state)
{
	struct fixture *fixture = *state;
	struct fake_connection *connection = &fixture->fake.connections[0];
	struct session_stats stats;
	char head[64];

	fixture_login(fixture);
	fixture_talk(fixture, "s SELECT Long\r\n");
	fake_out_clear(&fixture->fake, 0);
	fake_send(&fixture->fake, 0, span_of("t FETCH 1 (UID BODY[] FLAGS)\r\n"));
	fake_run(&fixture->fake, false);
	assert_int_equal(connection->state, STREAM_WAIT);
	/* Nobody is hurt by a call too many. */
	connection->runnable = true;
	fake_run(&fixture->fake, false);
	assert_int_equal(connection->out_len, 0);
	fake_run(&fixture->fake, true);
	snprintf(head, sizeof(head), "* 1 FETCH (UID 1 BODY[] {%d}\r\n", LONG_BYTES);
	assert_memory_equal(connection->out, head, strlen(head));
	assert_memory_equal(connection->out + strlen(head), long_message, LONG_BYTES);
	assert_string_equal(connection->out + strlen(head) + LONG_BYTES,
			    " FLAGS ())\r\nt OK FETCH completed\r\n");
	session_engine_stats(fixture->engine, &stats);
	assert_true(stats.waits_cold > 1);
	assert_int_equal(stats.data_lost, 0);
}

/* Found before anything of the row is sent: the others are answered, and the end says NO. */
static void test_lost_before(void **state)
{
	struct fixture *fixture = *state;
	struct session_stats stats;
	char hop[64];

	snprintf(hop, sizeof(hop), "with ESMTP id %08x;", 7 * 2654435761u);
	damage(fixture, hop, strlen(hop));
	fixture_select(fixture);
	assert_string_equal(fixture_talk(fixture, "t FETCH 3:5 (UID BODY.PEEK[1]<0.6>)\r\n"),
			    "* 3 FETCH (UID 3 BODY[1]<0> {6}\r\nline 0)\r\n"
			    "* 5 FETCH (UID 5 BODY[1]<0> {6}\r\nuryyb\r)\r\n"
			    "t NO [CORRUPTION] Some messages cannot be read\r\n");
	session_engine_stats(fixture->engine, &stats);
	assert_int_equal(stats.data_lost, 1);
	/* What the index knows of it can still be had. */
	assert_has(fixture_talk(fixture, "u FETCH 4 (UID FLAGS)\r\n"), "u OK ");
}

/* Found when the literal's size is already sent: nothing is padded, the connection closes. */
static void test_lost_after(void **state)
{
	struct fixture *fixture = *state;
	struct fake_connection *connection = &fixture->fake.connections[0];
	struct session_stats stats;

	damage(fixture, long_message + (6 << 20), 100);
	fixture_login(fixture);
	fixture_talk(fixture, "s SELECT Long\r\n");
	fixture_talk(fixture, "t FETCH 1 BODY[]\r\n");
	assert_int_equal(connection->state, STREAM_CLOSE);
	assert_true(connection->out_len > 1000000 && connection->out_len < LONG_BYTES);
	session_engine_stats(fixture->engine, &stats);
	assert_int_equal(stats.data_lost, 1);
	assert_true(fixture->log_lines > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lost_setup, lost_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cold_in_mid_row),
		TEST(test_lost_before),
		TEST(test_lost_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
