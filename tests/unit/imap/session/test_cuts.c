/* SPDX-License-Identifier: Apache-2.0 */
/*
 * However the input is cut and the output is budgeted, whatever is cold: the same
 * bytes come out.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

/* Everything is sent at once: what can be pipelined is. */
static const char script[] =
	"a1 CAPABILITY\r\n"
	"a2 LOGIN {4+}\r\nuser \"pass word\"\r\n"
	"a3 LIST \"\" * RETURN (SUBSCRIBED STATUS (MESSAGES SIZE))\r\n"
	"a4 LSUB \"\" %\r\n"
	"a5 SELECT INBOX\r\n"
	"a6 FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)\r\n"
	"a7 UID FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (DATE FROM TO subject X-ODD "
	"Received {5+}\r\nX-Hop)])\r\n"
	"a8 FETCH 1:* (ENVELOPE BODYSTRUCTURE BODY)\r\n"
	"a9 FETCH 1:* (FLAGS BODY.PEEK[] BODY[HEADER] UID)\r\n"
	"b1 FETCH 4 (BODY[HEADER.FIELDS.NOT (To)]<1000.15000> FLAGS)\r\n"
	"b2 FETCH 2 (BINARY[2] BINARY[3]<1.5> BINARY[1] BODY[4.2] BINARY.SIZE[3] BODY[7])\r\n"
	"b3 APPEND INBOX {30+}\r\n0123456789\r\nx LOGOUT\r\n01234567\r\n"
	"b4 UID SEARCH UNSEEN OR LARGER 100 5:9\r\n"
	"b5 IDLE\r\nDONE\r\n"
	"b6 NONSENSE\r\n"
	"b7 FETCH 3 (BODY[TEXT]<77777.99999>)\r\n"
	"b8 STATUS \"Entw&APw-rfe &- \\\"more\\\"\" (MESSAGES)\r\n"
	"b9 FETCH 1:* BINARY.PEEK[1]\r\n"
	"c1 ID NIL\r\n"
	"c2 LOGOUT\r\n";

/* Runs the script. Caller frees. */
static uint8_t *play(struct fixture *fixture, size_t *len_r)
{
	struct fake_connection *connection = &fixture->fake.connections[0];
	uint8_t *out;

	fixture_engine_restart(fixture);
	assert_int_equal(fake_open(&fixture->fake, 0, false), 0);
	fake_send(&fixture->fake, 0, span_of(script));
	fake_run(&fixture->fake, true);
	assert_int_equal(connection->state, STREAM_CLOSE);
	*len_r = connection->out_len;
	out = malloc(connection->out_len + 1);
	assert_non_null(out);
	memcpy(out, connection->out, connection->out_len + 1);
	return out;
}

static void test_same_bytes(void **state)
{
	struct fixture *fixture = *state;
	struct fake_transport *fake = &fixture->fake;
	const struct fake_limits widest = fake->limits;
	uint64_t seed = 0x5eed;
	size_t wanted_len, len;
	uint8_t *wanted = play(fixture, &wanted_len);

	/* There are NULs in it. */
	assert_non_null(memmem(wanted, wanted_len, "b9 NO [UNKNOWN-CTE]", 19));
	assert_non_null(memmem(wanted, wanted_len, "b3 NO [CANNOT]", 14));
	assert_non_null(memmem(wanted, wanted_len, "c2 OK ", 6));
	for (unsigned round = 0; round < 60; round++) {
		uint8_t *out;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		fake->random = seed | 1;
		fake->limits = widest;
		fake->limits.budget_bytes = STREAM_BUDGET_BYTES_MIN + (uint32_t)(seed >> 60) * 997;
		fake->limits.block_bytes = round % 2 ? 1 + (uint32_t)(seed >> 50) % 3000 : 16384;
		fake->limits.budget_items = 1 + (uint32_t)(seed >> 40) % 5;
		fake->limits.budget_ns = (uint32_t)(seed >> 33) % 3000;
		out = play(fixture, &len);
		if (len != wanted_len || memcmp(out, wanted, len) != 0) {
			size_t at = 0;

			while (at < len && at < wanted_len && out[at] == wanted[at])
				at++;
			fail_msg("round %u, seed %#llx: %zu bytes instead of %zu, byte %zu differs",
				 round, (unsigned long long)seed, len, wanted_len, at);
		}
		free(out);
	}
	free(wanted);
}

/* A client that reads little by little costs nothing but what it asked for, and others go on. */
static void test_slow_reader(void **state)
{
	struct fixture *fixture = *state;
	struct fake_transport *fake = &fixture->fake;
	struct fake_connection *slow = &fake->connections[0];

	fixture_select(fixture);
	fake->limits.budget_bytes = STREAM_BUDGET_BYTES_MIN;
	fake_send(fake, 0, span_of("a FETCH 1:* BODY[]\r\n"));
	fake_out_clear(fake, 0);
	fake_run(fake, true);
	assert_true(slow->produced > slow->out_len / STREAM_BUDGET_BYTES_MIN);
	assert_has((const char *)slow->out + slow->out_len - 30, "a OK ");
}

/* Mid-FETCH the client goes away: everything comes home (the pools assert it). */
static void test_close_anywhere(void **state)
{
	struct fixture *fixture = *state;
	struct fake_transport *fake = &fixture->fake;

	for (unsigned k = 0; k < 300; k += 7) {
		assert_int_equal(fake_open(fake, 0, false), 0);
		fake_send(fake, 0, span_cut(span_of(script), 0, k * 4));
		fake_run(fake, k % 2 == 0);
		fake_close(fake, 0);
		fixture_engine_restart(fixture);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_same_bytes),
		TEST(test_slow_reader),
		TEST(test_close_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
