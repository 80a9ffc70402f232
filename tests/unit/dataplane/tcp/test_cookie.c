/* SPDX-License-Identifier: Apache-2.0 */
#include "connection.h"
#include "cookie.h"
#include "rig.h"

#include "eal.h"

static const uint64_t second = 1000000000;
static const uint64_t a_secret = 0x0123456789abcdef;

static const struct segment a_syn = {
	.seq = RIG_PEER_ISN,
	.flags = SYN | SEGMENT_ECE | SEGMENT_CWR,
	.options = {.mss = 1460,
		    .scaling = true,
		    .shift = 9,
		    .sack_permitted = true,
		    .timestamps = true,
		    .value = 77},
};

/* The third step that answers a cookie. */
static struct segment third(const struct segment *syn, uint32_t cookie, uint32_t timestamp)
{
	struct segment ack = {.seq = syn->seq + 1, .ack = cookie + 1, .flags = ACK};

	ack.options.timestamps = syn->options.timestamps;
	ack.options.value = syn->options.value + 40;
	ack.options.echo = timestamp;
	return ack;
}

static bool opens(const struct segment *ack, uint64_t now_ns, struct segment *syn_r)
{
	return tcp_cookie_open(rig_config.secret, a_secret, ack, now_ns, syn_r);
}

static void every_option_comes_back(void **state)
{
	struct segment read, ack, syn;

	(void)state;
	for (unsigned kinds = 0; kinds < 8; kinds++)
		for (uint8_t shift = 0; shift <= OPTIONS_SHIFT_MAX; shift++) {
			uint32_t timestamp = 123456, cookie;

			syn = a_syn;
			syn.options.scaling = kinds & 1;
			syn.options.shift = kinds & 1 ? shift : 0;
			syn.options.sack_permitted = kinds & 2;
			syn.flags = kinds & 4 ? a_syn.flags : SYN;
			cookie = tcp_cookie_make(rig_config.secret, a_secret, &syn, second,
						 &timestamp);
			ack = third(&syn, cookie, timestamp);
			assert_true(opens(&ack, second, &read));
			assert_int_equal(read.seq, RIG_PEER_ISN);
			assert_int_equal(read.flags, syn.flags);
			assert_int_equal(read.options.mss, 1460);
			assert_int_equal(read.options.scaling, syn.options.scaling);
			assert_int_equal(read.options.shift, syn.options.shift);
			assert_int_equal(read.options.sack_permitted, syn.options.sack_permitted);
			assert_true(read.options.timestamps);
			assert_int_equal(read.options.value, 117);
		}
}

static void mss_is_rounded_down(void **state)
{
	static const uint16_t said[] = {0,    1,    216,  535,	536,  1220, 1299,
					1360, 1399, 1448, 1452, 1460, 8948, 65535};
	static const uint16_t kept[] = {536,  216,  216,  216,	536,  1220, 1220,
					1360, 1360, 1440, 1440, 1460, 1460, 8960};
	struct segment read;

	(void)state;
	for (unsigned i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		struct segment syn = {.seq = 5, .flags = SYN, .options = {.mss = said[i]}}, ack;
		uint32_t timestamp = 9, cookie;

		cookie = tcp_cookie_make(rig_config.secret, a_secret, &syn, second, &timestamp);
		ack = third(&syn, cookie, 0);
		assert_int_equal(timestamp, 9);
		assert_true(opens(&ack, second, &read));
		assert_int_equal(read.options.mss, kept[i]);
		assert_false(read.options.timestamps || read.options.scaling ||
			     read.options.sack_permitted);
	}
}

/* Later segments carry the clock as it is: it must not be behind what the cookie said. */
static void timestamp_is_never_ahead(void **state)
{
	(void)state;
	for (uint32_t now = UINT32_MAX - 200; now != 200; now++)
		for (uint8_t shift = 0; shift <= OPTIONS_SHIFT_MAX; shift++) {
			struct segment syn = a_syn;
			uint32_t timestamp = now;

			syn.options.shift = shift;
			tcp_cookie_make(rig_config.secret, a_secret, &syn, second, &timestamp);
			assert_true(now - timestamp < 64);
		}
}

static void nothing_can_be_changed(void **state)
{
	struct segment syn = a_syn, read, ack;
	uint32_t timestamp = 1000, cookie;

	(void)state;
	cookie = tcp_cookie_make(rig_config.secret, a_secret, &syn, second, &timestamp);
	for (unsigned bit = 0; bit < 32; bit++) {
		ack = third(&syn, cookie ^ 1U << bit, timestamp);
		assert_false(opens(&ack, second, &read));
		ack = third(&syn, cookie, timestamp);
		ack.seq ^= 1U << bit;
		assert_false(opens(&ack, second, &read));
	}
	for (unsigned bit = 0; bit < 6; bit++) {
		ack = third(&syn, cookie, timestamp ^ 1U << bit);
		assert_false(opens(&ack, second, &read));
	}
	ack = third(&syn, cookie, timestamp);
	ack.options.timestamps = false;
	assert_false(opens(&ack, second, &read));
	ack = third(&syn, cookie, timestamp);
	for (unsigned bit = 0; bit < 64; bit++)
		assert_false(tcp_cookie_open(rig_config.secret, a_secret ^ 1ULL << bit, &ack,
					     second, &read));
	assert_true(opens(&ack, second, &read));
}

static void two_steps_of_time(void **state)
{
	struct segment syn = a_syn, read, ack;
	uint32_t timestamp = 0, cookie;

	(void)state;
	cookie = tcp_cookie_make(rig_config.secret, a_secret, &syn, 63 * second, &timestamp);
	ack = third(&syn, cookie, timestamp);
	assert_true(opens(&ack, 63 * second, &read));
	assert_true(opens(&ack, 127 * second, &read));
	assert_false(opens(&ack, 128 * second, &read));
	assert_false(opens(&ack, 192 * second, &read));
}

/* --- In the listener --- */

/* One half-open connection is all there may be, and there is one. */
static int pressed(void **state)
{
	struct rig *rig;

	rig_config.syn_received_max = 1;
	if (rig_setup(state) != 0)
		return 1;
	rig = *state;
	rig->peer_port = 1;
	rig_segment(rig, SYN, 1, 0, NULL, 0);
	rig_expect(rig, SYN | ACK);
	rig->peer_port = RIG_PEER_PORT;
	rig->peer_options = a_syn.options;
	rig->peer_seq = RIG_PEER_ISN;
	return 0;
}

static const struct rig_segment *cookie_get(struct rig *rig)
{
	const struct rig_segment *answer;

	rig_next(rig, SYN, NULL, 0);
	answer = rig_expect(rig, SYN | ACK);
	rig->peer_ack = answer->seq + 1;
	rig->peer_options.echo = answer->options.value;
	return answer;
}

static void answered_from_no_state(void **state)
{
	struct rig *rig = *state;
	const struct rig_segment *answer = cookie_get(rig);
	uint32_t stamp = answer->options.value;
	const struct connection *c;

	assert_int_equal(answer->ack, RIG_PEER_ISN + 1);
	assert_true(answer->options.scaling && answer->options.sack_permitted);
	assert_int_equal(answer->options.shift, 1);
	assert_int_equal(answer->options.echo, 77);
	assert_int_equal(rig_stats(rig).connections, 1);
	assert_int_equal(rig_stats(rig).cookies_sent, 1);
	/* Straight to ESTABLISHED, with the data that comes along. */
	rig->peer_options.value = 100;
	rig_next(rig, ACK | PSH, "a NOOP", 6);
	assert_int_equal(rig_stats(rig).cookies_accepted, 1);
	assert_int_equal(rig_stats(rig).opened_passive, 1);
	assert_int_equal(rig_stats(rig).syn_received, 1);
	assert_int_equal(rig->sessions_n, 1);
	assert_int_equal(rig->sessions[0].in_n, 6);
	c = &rig->tcp->connections[rig->sessions[0].ref.index];
	assert_int_equal(c->state, ESTABLISHED);
	assert_true(c->flags & C_SACK);
	assert_int_equal(c->snd_shift, 9);
	assert_int_equal(c->snd_wnd, rig->peer_window << 9);
	rig_say(rig, &rig->sessions[0], 2000);
	rig_turn(rig);
	answer = rig_expect(rig, ACK);
	assert_int_equal(answer->len, RIG_MSS - OPTIONS_TIMESTAMP_BYTES);
	assert_int_equal(answer->seq, rig->peer_ack);
	assert_int_equal(answer->ack, rig->peer_seq);
	assert_true(seq_ge(answer->options.value, stamp));
	assert_int_equal(answer->options.echo, 100);
}

/* ECN is agreed on and kept (RFC 3168 6.1.1). */
static void ecn_is_kept(void **state)
{
	struct rig *rig = *state;
	const struct rig_segment *answer;

	rig_segment(rig, SYN | SEGMENT_ECE | SEGMENT_CWR, RIG_PEER_ISN, 0, NULL, 0);
	answer = rig_expect(rig, SYN | ACK | SEGMENT_ECE);
	rig->peer_options.echo = answer->options.value;
	rig_segment(rig, ACK, RIG_PEER_ISN + 1, answer->seq + 1, NULL, 0);
	assert_int_equal(rig->sessions_n, 1);
	assert_true(rig->tcp->connections[rig->sessions[0].ref.index].flags & C_ECN);
}

/* What could not be kept is not agreed on. */
static void plain_peer_gets_a_plain_answer(void **state)
{
	struct rig *rig = *state;
	const struct rig_segment *answer;

	rig->peer_options.timestamps = false;
	answer = cookie_get(rig);
	assert_false(answer->options.timestamps || answer->options.scaling ||
		     answer->options.sack_permitted);
	rig_next(rig, ACK, NULL, 0);
	rig_say(rig, &rig->sessions[0], 2000);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->len, RIG_MSS);
}

static void forged_acknowledgements(void **state)
{
	struct rig *rig = *state;

	cookie_get(rig);
	for (uint32_t i = 1; i <= 1000; i++)
		rig_segment(rig, ACK, rig->peer_seq, rig->peer_ack + i, NULL, 0);
	assert_int_equal(rig_stats(rig).cookies_failed, 1000);
	assert_int_equal(rig_stats(rig).cookies_accepted, 0);
	assert_int_equal(rig_stats(rig).reset_sent, 0);
	rig_segment(rig, SYN | ACK, rig->peer_seq, rig->peer_ack, NULL, 0);
	assert_int_equal(rig->sessions_n, 0);
}

/* A cookie out of a calm time is a guess, however good. */
static void none_is_taken_when_none_was_sent(void **state)
{
	const struct tuple a_tuple = {.local = {[10] = 0xff, 0xff, 127, 0, 0, 1},
				      .peer = {[10] = 0xff, 0xff, 127, 0, 0, 2},
				      .local_port = RIG_PORT,
				      .peer_port = RIG_PEER_PORT};
	struct rig *rig = *state;
	uint32_t timestamp = 5, cookie;

	cookie = tcp_cookie_make(rig_config.secret, tcp_tuple_secret(rig->tcp, &a_tuple), &a_syn,
				 rig->clock.mono_ns, &timestamp);
	rig->peer_options.echo = timestamp;
	rig_segment(rig, ACK, RIG_PEER_ISN + 1, cookie + 1, NULL, 0);
	rig_expect(rig, RST);
	assert_int_equal(rig_stats(rig).cookies_failed, 0);
	/* The same one is good once others were sent, and until 128 s later. */
	cookie_get(rig);
	rig_sleep(rig, 127999);
	rig_forget_sent(rig);
	rig_segment(rig, ACK, RIG_PEER_ISN + 1, 1, NULL, 0);
	assert_int_equal(rig_stats(rig).cookies_failed, 1);
	rig_sleep(rig, 1);
	rig_segment(rig, ACK, RIG_PEER_ISN + 1, 1, NULL, 0);
	assert_int_equal(rig_stats(rig).cookies_failed, 1);
}

static void full_server_refuses_a_cookie(void **state)
{
	struct rig *rig = *state;

	rig->tcp->config.connections_max = 1;
	rig->tcp->established = 1;
	rig->peer_port++;
	rig_segment(rig, SYN, 1, 0, NULL, 0);
	rig_expect(rig, RST | ACK);
	rig->peer_port--;
	rig->tcp->established = 0;
	cookie_get(rig);
	rig->tcp->established = 1;
	rig_next(rig, ACK, NULL, 0);
	rig_expect(rig, RST);
	assert_int_equal(rig_stats(rig).connections_refused, 2);
	rig->tcp->established = 0;
}

/* The tuple was in TIME_WAIT when the SYN came. */
static void tuple_that_waited(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session;

	cookie_get(rig);
	rig_next(rig, ACK, NULL, 0);
	session = &rig->sessions[0];
	session->finally = STREAM_CLOSE;
	rig_turn(rig);
	rig_expect(rig, FIN | ACK);
	rig->peer_ack++;
	rig_next(rig, FIN | ACK, NULL, 0);
	rig_expect(rig, ACK);
	assert_int_equal(rig_stats(rig).time_wait, 1);
	rig->peer_options.value += 2000;
	cookie_get(rig);
	rig_next(rig, ACK, NULL, 0);
	assert_int_equal(rig_stats(rig).cookies_accepted, 2);
	assert_int_equal(rig->sessions_n, 2);
}

#define PRESSED_TEST(function) cmocka_unit_test_setup_teardown(function, pressed, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_comes_back),
		cmocka_unit_test(mss_is_rounded_down),
		cmocka_unit_test(timestamp_is_never_ahead),
		cmocka_unit_test(nothing_can_be_changed),
		cmocka_unit_test(two_steps_of_time),
		PRESSED_TEST(answered_from_no_state),
		PRESSED_TEST(ecn_is_kept),
		PRESSED_TEST(plain_peer_gets_a_plain_answer),
		PRESSED_TEST(forged_acknowledgements),
		PRESSED_TEST(none_is_taken_when_none_was_sent),
		PRESSED_TEST(full_server_refuses_a_cookie),
		PRESSED_TEST(tuple_that_waited),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
