/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <errno.h>
#include <string.h>

#include "eal.h"

static void handshake(void **state)
{
	struct rig *rig = *state;
	const struct rig_segment *answer;
	struct rig_session *session = &rig->sessions[0];

	rig->peer_seq = RIG_PEER_ISN;
	rig_next(rig, SYN, NULL, 0);
	answer = rig_expect(rig, SYN | ACK);
	assert_int_equal(answer->ack, RIG_PEER_ISN + 1);
	assert_int_equal(answer->options.mss, 1460);
	assert_int_equal(answer->port, RIG_PORT);
	assert_int_equal(answer->peer_port, RIG_PEER_PORT);
	assert_false(answer->options.scaling);
	assert_false(answer->options.timestamps);
	assert_int_equal(rig->sessions_n, 0);
	rig->peer_ack = answer->seq + 1;
	rig_next(rig, ACK, NULL, 0);
	assert_int_equal(rig->sessions_n, 1);
	assert_int_equal(session->info.peer_port, RIG_PEER_PORT);
	assert_memory_equal(session->info.peer_addr, rig_peer_addr, 16);
	assert_memory_equal(session->info.local_addr, rig_addr, 16);
	assert_false(session->info.tls);
	assert_int_equal(session->produced, 0);
	rig_turn(rig);
	assert_int_equal(session->produced, 1);
	rig_silent(rig);
	assert_int_equal(rig_stats(rig).opened_passive, 1);
	assert_int_equal(rig_stats(rig).connections, 1);
}

static void options_are_answered_in_kind(void **state)
{
	struct rig *rig = *state;
	const struct rig_segment *answer;

	rig->peer_options = (struct options){
		.mss = 1000, .scaling = true, .shift = 3, .timestamps = true, .value = 77};
	rig->peer_seq = RIG_PEER_ISN;
	rig_next(rig, SYN, NULL, 0);
	answer = rig_expect(rig, SYN | ACK);
	assert_true(answer->options.timestamps);
	assert_int_equal(answer->options.echo, 77);
	assert_true(answer->options.scaling);
	assert_int_equal(answer->options.shift, 1); /* 65536 bytes do not fit 16 bits */
	rig->peer_ack = answer->seq + 1;
	rig->peer_window = 8191;
	rig_next(rig, ACK, NULL, 0);
	rig_say(rig, &rig->sessions[0], 100000);
	rig_turn(rig);
	/* The scaled window and the initial one of ten segments: MSS less 12 bytes of options. */
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(rig_expect(rig, ACK)->len, 988);
	rig_silent(rig);
}

static void isn_depends_on_tuple_and_time(void **state)
{
	struct rig *rig = *state;
	uint32_t first, second, third;

	rig_segment(rig, SYN, 1, 0, NULL, 0);
	first = rig_expect(rig, SYN | ACK)->seq;
	rig->peer_port++;
	rig_segment(rig, SYN, 1, 0, NULL, 0);
	second = rig_expect(rig, SYN | ACK)->seq;
	assert_int_not_equal(first, second);
	rig_segment(rig, RST, 2, 0, NULL, 0);
	rig->clock.mono_ns += 4096000;
	rig_segment(rig, SYN, 1, 0, NULL, 0);
	third = rig_expect(rig, SYN | ACK)->seq;
	assert_int_equal(third - second, 1000); /* the clock of RFC 6528 */
}

static void nobody_listens(void **state)
{
	struct rig *rig = *state;
	const struct rig_segment *reset;

	rig_segment(rig, ACK, 500, 600, "x", 1);
	reset = rig_expect(rig, RST);
	assert_int_equal(reset->seq, 600);
	assert_int_equal(tcp_listen(rig->tcp, rig_addr, RIG_PORT, &rig->app), 0);
	assert_int_equal(tcp_listen(rig->tcp, rig_addr, RIG_PORT, &rig->app), -EADDRINUSE);
	assert_int_equal(tcp_listen(rig->tcp, rig_addr, 99, &rig->app), -ENOSPC);
	rig_segment(rig, RST, 500, 0, NULL, 0);
	rig_segment(rig, SYN | FIN, 500, 0, NULL, 0);
	rig_segment(rig, 0, 500, 0, NULL, 0);
	rig_silent(rig);
	assert_int_equal(rig_stats(rig).malformed, 2);
}

static void resets_to_nobody_are_limited(void **state)
{
	struct rig *rig = *state;

	for (unsigned i = 0; i < 1000; i++)
		rig_segment(rig, ACK, 1, 2, NULL, 0);
	assert_in_range(rig->sent_n, 50, 250);
	rig_forget_sent(rig);
	rig->clock.mono_ns += 10000000;
	for (unsigned i = 0; i < 1000; i++)
		rig_segment(rig, ACK, 1, 2, NULL, 0);
	assert_in_range(rig->sent_n, 5, 15);
}

static void syn_received_is_bounded(void **state)
{
	struct rig *rig = *state;

	for (unsigned i = 0; i < 10; i++, rig->peer_port++)
		rig_segment(rig, SYN, 1, 0, NULL, 0);
	/* All are answered, the later ones out of no memory (test_cookie.c). */
	assert_int_equal(rig->sent_n, 10);
	assert_int_equal(rig_stats(rig).syn_received, rig_config.syn_received_max);
	assert_int_equal(rig_stats(rig).cookies_sent, 10 - rig_config.syn_received_max);
	/* They go by themselves. */
	rig_sleep(rig, 60000);
	assert_int_equal(rig_stats(rig).connections, 0);
	assert_int_equal(rig_stats(rig).timeouts, rig_config.syn_received_max);
	rig_forget_sent(rig);
	rig_accept(rig);
}

static void answer_is_repeated_and_given_up(void **state)
{
	struct rig *rig = *state;
	uint32_t seq;

	rig_segment(rig, SYN, RIG_PEER_ISN, 0, NULL, 0);
	seq = rig_expect(rig, SYN | ACK)->seq;
	rig_sleep(rig, 999);
	rig_silent(rig);
	for (unsigned i = 0; i < 4; i++) {
		rig_sleep(rig, 1000U << i);
		assert_int_equal(rig_expect(rig, SYN | ACK)->seq, seq);
	}
	rig_sleep(rig, 17000);
	rig_silent(rig);
	assert_int_equal(rig_stats(rig).connections, 0);
}

static void repeated_syn_gets_the_answer_again(void **state)
{
	struct rig *rig = *state;
	uint32_t seq;

	rig->peer_seq = RIG_PEER_ISN;
	rig_next(rig, SYN, NULL, 0);
	seq = rig_expect(rig, SYN | ACK)->seq;
	for (unsigned i = 0; i < 100; i++)
		rig_segment(rig, SYN, RIG_PEER_ISN, 0, NULL, 0);
	assert_int_equal(rig_expect(rig, SYN | ACK)->seq, seq);
	rig_silent(rig); /* not a hundred */
	rig->peer_ack = seq + 1;
	rig_next(rig, ACK, NULL, 0);
	assert_int_equal(rig->sessions_n, 1);
}

static void reset_ends_a_half_open_one(void **state)
{
	struct rig *rig = *state;

	rig_segment(rig, SYN, RIG_PEER_ISN, 0, NULL, 0);
	rig_segment(rig, RST, RIG_PEER_ISN + 2, 0, NULL, 0);
	assert_int_equal(rig_stats(rig).connections, 1);
	rig_segment(rig, RST, RIG_PEER_ISN + 1, 0, NULL, 0);
	assert_int_equal(rig_stats(rig).connections, 0);
	assert_int_equal(rig->sessions_n, 0);
}

static void wrong_third_step(void **state)
{
	struct rig *rig = *state;
	uint32_t seq;

	rig->peer_seq = RIG_PEER_ISN;
	rig_next(rig, SYN, NULL, 0);
	seq = rig_expect(rig, SYN | ACK)->seq;
	rig_segment(rig, ACK, RIG_PEER_ISN + 1, seq, NULL, 0);
	assert_int_equal(rig_expect(rig, RST)->seq, seq);
	rig_segment(rig, ACK, RIG_PEER_ISN + 1, seq + 2, NULL, 0);
	assert_int_equal(rig_expect(rig, RST)->seq, seq + 2);
	rig->peer_ack = seq + 1;
	rig_next(rig, ACK, "hello", 5); /* data may come with it */
	assert_int_equal(rig->sessions[0].in_n, 5);
}

static void application_refuses(void **state)
{
	struct rig *rig = *state;

	rig->refuse = true;
	rig->peer_seq = RIG_PEER_ISN;
	rig_next(rig, SYN, NULL, 0);
	rig->peer_ack = rig_expect(rig, SYN | ACK)->seq + 1;
	rig_next(rig, ACK, NULL, 0);
	rig_expect(rig, RST | ACK);
	assert_int_equal(rig_stats(rig).connections, 0);
	assert_int_equal(rig_stats(rig).connections_refused, 1);
}

static void connections_are_bounded(void **state)
{
	struct rig *rig = *state;
	uint32_t seq;

	for (unsigned i = 1; i < rig_config.connections_max; i++, rig->peer_port++)
		rig_accept(rig);
	/* Two wait for the last place: the second finds it taken at its third step. */
	rig_segment(rig, SYN, RIG_PEER_ISN, 0, NULL, 0);
	seq = rig_expect(rig, SYN | ACK)->seq;
	rig_forget_sent(rig);
	rig->peer_port++;
	rig_accept(rig);
	rig->peer_port--;
	rig_segment(rig, ACK, RIG_PEER_ISN + 1, seq + 1, NULL, 0);
	rig_expect(rig, RST | ACK);
	assert_int_equal(rig_stats(rig).connections, rig_config.connections_max);
	assert_int_equal(rig_stats(rig).connections_refused, 1);
	/* Later ones hear it at once. */
	rig_segment(rig, SYN, RIG_PEER_ISN, 0, NULL, 0);
	assert_int_equal(rig_expect(rig, RST | ACK)->ack, RIG_PEER_ISN + 1);
	assert_int_equal(rig_stats(rig).connections_refused, 2);
}

/* In the window or beyond it: a peer that began anew resets what it does not know of. */
static void another_syn_is_challenged(void **state)
{
	static const uint32_t later[2] = {5000, 500000};
	struct rig *rig = *state;
	const struct rig_segment *answer;

	for (unsigned i = 0; i < 2; i++) {
		rig_segment(rig, SYN, RIG_PEER_ISN, 0, NULL, 0);
		rig_expect(rig, SYN | ACK);
		rig_segment(rig, SYN, RIG_PEER_ISN + later[i], 0, NULL, 0);
		answer = rig_expect(rig, ACK);
		assert_int_equal(answer->ack, RIG_PEER_ISN + 1);
		rig_segment(rig, SYN, RIG_PEER_ISN + later[i], 0, NULL, 0);
		rig_silent(rig);
		assert_int_equal(rig_stats(rig).connections, 1);
		rig_segment(rig, RST, answer->ack, 0, NULL, 0);
		assert_int_equal(rig_stats(rig).connections, 0);
	}
	assert_int_equal(rig_stats(rig).challenge_acks, 2);
}

static unsigned log_lines;

static void log_write(struct log *log, enum log_level level, const char *line)
{
	(void)log;
	assert_int_equal(level, LOG_LEVEL_WARNING);
	assert_non_null(strstr(line, "cookies"));
	log_lines++;
}

/* A flood does not fill the log: a line a minute. */
static void limits_are_logged_rarely(void **state)
{
	struct log log = {log_write, LOG_LEVEL_DEBUG};
	struct rig *rig = *state;

	log_lines = 0;
	rig->env.log = &log;
	for (unsigned i = 0; i < 1000; i++, rig->peer_port++)
		rig_segment(rig, SYN, 1, 0, NULL, 0);
	assert_int_equal(log_lines, 1);
	rig_sleep(rig, 60000);
	rig_forget_sent(rig);
	for (unsigned i = 0; i < 1000; i++, rig->peer_port++)
		rig_segment(rig, SYN, 1, 0, NULL, 0);
	assert_int_equal(log_lines, 2);
	rig->env.log = NULL;
}

/* LAND, and addresses that nobody has (RFC 9293 3.9.2.3). */
static void impossible_peers_get_nothing(void **state)
{
	static const uint8_t nobody[][4] = {
		{127, 0, 0, 1}, {224, 0, 0, 1}, {255, 255, 255, 255}, {240, 0, 0, 1}, {0, 0, 0, 0}};
	struct rig *rig = *state;

	for (unsigned i = 0; i < sizeof(nobody) / sizeof(nobody[0]); i++) {
		memcpy(rig->peer_addr + 12, nobody[i], 4);
		rig_segment(rig, SYN, RIG_PEER_ISN, 0, NULL, 0);
	}
	rig_silent(rig);
	assert_int_equal(rig_stats(rig).source_invalid, 5);
	assert_int_equal(rig_stats(rig).connections, 0);
}

static void tiny_and_missing_mss(void **state)
{
	struct rig *rig = *state;

	rig->peer_options.mss = 1;
	rig_say(rig, rig_accept(rig), 1000);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->len, 216);
	rig_forget_sent(rig);
	rig->peer_port++;
	rig->peer_options.mss = 0;
	rig_say(rig, rig_accept(rig), 1000);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->len, 536);
}

static void drained_takes_no_more(void **state)
{
	struct rig *rig = *state;

	tcp_drain(rig->tcp, 1, 0);
	rig_segment(rig, SYN, 1, 0, NULL, 0);
	rig_expect(rig, RST | ACK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(handshake),
		RIG_TEST(options_are_answered_in_kind),
		RIG_TEST(isn_depends_on_tuple_and_time),
		RIG_TEST(nobody_listens),
		RIG_TEST(resets_to_nobody_are_limited),
		RIG_TEST(syn_received_is_bounded),
		RIG_TEST(answer_is_repeated_and_given_up),
		RIG_TEST(repeated_syn_gets_the_answer_again),
		RIG_TEST(reset_ends_a_half_open_one),
		RIG_TEST(wrong_third_step),
		RIG_TEST(application_refuses),
		RIG_TEST(connections_are_bounded),
		RIG_TEST(another_syn_is_challenged),
		RIG_TEST(limits_are_logged_rarely),
		RIG_TEST(impossible_peers_get_nothing),
		RIG_TEST(tiny_and_missing_mss),
		RIG_TEST(drained_takes_no_more),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
