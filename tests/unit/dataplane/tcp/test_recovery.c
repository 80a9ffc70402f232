/* SPDX-License-Identifier: Apache-2.0 */
#include "loss.h"

#include "eal.h"

/* The peer's acknowledgement of everything before the pattern's byte `at`. */
static void acked(struct rig *rig, size_t at)
{
	rig_segment(rig, ACK, rig->peer_seq, rig->peer_ack + (uint32_t)at, NULL, 0);
	rig_turn(rig);
}

static struct rig_session *sending(struct rig *rig, size_t len)
{
	struct rig_session *session = rig_accept(rig);

	rig_say(rig, session, len);
	rig_turn(rig);
	return session;
}

static void timeouts_back_off_and_give_up(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = sending(rig, 100);
	uint64_t sent_ns = rig->clock.mono_ns;

	rig_expect(rig, ACK);
	for (unsigned i = 0; i < 10; i++) {
		uint64_t rto_ms = 200ULL << i < 60000 ? 200ULL << i : 60000;

		rig_sleep(rig, rto_ms - 20);
		rig_silent(rig);
		rig_sleep(rig, 21);
		assert_int_equal(rig_expect(rig, ACK)->len, 100);
		rig_silent(rig);
	}
	rig_sleep(rig, 61000);
	rig_expect(rig, RST | ACK);
	assert_int_equal(session->reason, STREAM_TIMEOUT);
	assert_true(rig->clock.mono_ns - sent_ns > 100000000000); /* R2, RFC 1122 4.2.3.5 */
	assert_int_equal(rig_stats(rig).retransmit_timeout, 11);
}

static void an_acknowledgement_ends_the_backing_off(void **state)
{
	struct rig *rig = *state;

	sending(rig, 2000);
	rig_sleep(rig, 700);
	rig_forget_sent(rig);
	acked(rig, RIG_MSS);
	assert_int_equal(rig_expect(rig, ACK)->len, 540);
	rig_sleep(rig, 201);
	assert_int_equal(rig_expect(rig, ACK)->len, 540);
	acked(rig, 2000);
	rig_sleep(rig, 100000);
	rig_silent(rig);
}

/* RFC 6298: the timeout follows the measured round trip, Karn leaves out the repeated. */
static void timeout_follows_the_round_trip(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	for (unsigned i = 0; i < 60; i++) {
		rig_say(rig, session, 100);
		rig_turn(rig);
		rig->clock.mono_ns += 500000000;
		tcp_input(rig->tcp, NULL, 0); /* the clock is taken; no timer is run */
		rig_segment(rig, ACK, rig->peer_seq, rig->peer_ack + 100 * (i + 1), NULL, 0);
		rig_forget_sent(rig);
	}
	rig_say(rig, session, 100);
	rig_turn(rig);
	rig_forget_sent(rig);
	rig_sleep(rig, 490);
	rig_silent(rig);
	rig_sleep(rig, 200);
	assert_int_equal(rig_expect(rig, ACK)->len, 100);
}

/* Karn: the acknowledgement of what was sent again says nothing about the round trip. */
static void the_repeated_is_not_timed(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = sending(rig, 100);

	rig_sleep(rig, 8000); /* again at 0.2, 0.6, 1.4, 3.0 and 6.2 s */
	rig_forget_sent(rig);
	acked(rig, 100);
	rig_say(rig, session, 100);
	rig_turn(rig);
	rig_expect(rig, ACK);
	rig_sleep(rig, 201);
	rig_expect(rig, ACK);
}

static void three_duplicates_send_again(void **state)
{
	struct rig *rig = *state;
	const struct rig_segment *s;

	sending(rig, 100000);
	assert_int_equal(rig->sent_n, 10);
	rig_forget_sent(rig);
	acked(rig, 0);
	acked(rig, 0);
	/* Limited transmit (RFC 3042): one new segment for each of the first two. */
	assert_int_equal(rig_expect(rig, ACK)->seq, rig->peer_ack + 10 * RIG_MSS);
	assert_int_equal(rig_expect(rig, ACK)->seq, rig->peer_ack + 11 * RIG_MSS);
	rig_silent(rig);
	acked(rig, 0);
	s = rig_expect(rig, ACK);
	assert_int_equal(s->seq, rig->peer_ack);
	assert_int_equal(s->len, RIG_MSS);
	assert_true(rig_pattern_at(s->bytes, s->len, 0));
	rig_silent(rig);
	assert_int_equal(rig_stats(rig).retransmit_fast, 1);
	/* More duplicates inflate the window until new data fits (step 4). */
	for (unsigned i = 0; i < 6; i++)
		acked(rig, 0);
	assert_true(rig->sent_at < rig->sent_n);
	rig_forget_sent(rig);
	/* All of it acknowledged: out of recovery with half the window (step 6). */
	acked(rig, 15 * RIG_MSS);
	rig_forget_sent(rig);
	assert_int_equal(rig_stats(rig).retransmit_fast, 1);
}

/* NewReno: a partial acknowledgement names the next hole. */
static void partial_acknowledgements(void **state)
{
	struct rig *rig = *state;

	sending(rig, 14600);
	rig_forget_sent(rig);
	for (unsigned i = 0; i < 3; i++)
		acked(rig, 0);
	assert_int_equal(rig_expect(rig, ACK)->seq, rig->peer_ack);
	acked(rig, 4 * RIG_MSS);
	assert_int_equal(rig_expect(rig, ACK)->seq, rig->peer_ack + 4 * RIG_MSS);
	acked(rig, 7 * RIG_MSS);
	assert_int_equal(rig_expect(rig, ACK)->seq, rig->peer_ack + 7 * RIG_MSS);
	rig_silent(rig);
	acked(rig, 14600);
	rig_sleep(rig, 100000);
	rig_silent(rig);
	assert_int_equal(rig_stats(rig).retransmit_timeout, 0);
}

/* What is no duplicate: with data, with another window, with nothing in flight. */
static void what_is_no_duplicate(void **state)
{
	struct rig *rig = *state;

	sending(rig, 5000);
	rig_forget_sent(rig);
	for (unsigned i = 0; i < 5; i++) {
		rig_next(rig, ACK, "x", 1);
		rig->peer_window -= 10;
		rig_segment(rig, ACK, rig->peer_seq, rig->peer_ack, NULL, 0);
	}
	assert_int_equal(rig_stats(rig).duplicate_acks, 0);
	acked(rig, 5000);
	for (unsigned i = 0; i < 5; i++)
		acked(rig, 5000);
	assert_int_equal(rig_stats(rig).duplicate_acks, 0);
}

/* After a timeout the duplicates of what it sends again start no fast retransmit (RFC 6582). */
static void no_fast_retransmit_after_a_timeout(void **state)
{
	struct rig *rig = *state;

	sending(rig, 14600);
	rig_sleep(rig, 201);
	for (unsigned i = 0; i < 10; i++)
		acked(rig, 0);
	assert_int_equal(rig_stats(rig).retransmit_fast, 0);
	assert_int_equal(rig_stats(rig).retransmit_timeout, 1);
}

/* Back to one segment, then slow start over what was in flight. */
static void timeout_starts_slowly(void **state)
{
	struct rig *rig = *state;

	sending(rig, 14600);
	rig_forget_sent(rig);
	rig_sleep(rig, 201);
	assert_int_equal(rig_expect(rig, ACK)->seq, rig->peer_ack);
	rig_silent(rig);
	acked(rig, RIG_MSS);
	assert_int_equal(rig_expect(rig, ACK)->seq, rig->peer_ack + RIG_MSS);
	assert_int_equal(rig_expect(rig, ACK)->seq, rig->peer_ack + 2 * RIG_MSS);
	rig_silent(rig);
	/* The peer had the rest: it is not sent again. */
	acked(rig, 14600);
	rig_silent(rig);
}

/* The peer's acknowledgement of `segments`, and of those from `start` to before `end` by SACK; it
 * names the time `echo`. */
static void sacked(struct rig *rig, uint32_t segments, uint32_t start, uint32_t end, uint32_t echo)
{
	struct options *options = &rig->peer_options;

	options->echo = echo;
	options->blocks_n = 1;
	options->blocks[0].start = rig->peer_ack + start * (RIG_MSS - OPTIONS_TIMESTAMP_BYTES);
	options->blocks[0].end = rig->peer_ack + end * (RIG_MSS - OPTIONS_TIMESTAMP_BYTES);
	acked(rig, segments * (RIG_MSS - OPTIONS_TIMESTAMP_BYTES));
}

/* RFC 3522 3.2: the first acknowledgement of what was sent again judges. Those of further copies
 * name times before segments that were sent again later, which means nothing. */
static void older_copies_are_no_originals(void **state)
{
	struct rig *rig = *state;
	uint32_t first, again;

	rig->peer_options.sack_permitted = true;
	rig->peer_options.timestamps = true;
	sending(rig, 10 * (RIG_MSS - OPTIONS_TIMESTAMP_BYTES));
	assert_int_equal(rig->sent_n, 10);
	first = rig->sent[0].options.value;
	rig->clock.mono_ns += 20000000;
	rig_forget_sent(rig);
	/* Lost are 0, 1 and 6. */
	for (uint32_t end = 3; end <= 6; end++)
		sacked(rig, 0, 2, end, first);
	/* PRR has one leave, and the others for its acknowledgement. */
	assert_int_equal(rig->sent_n, 1);
	again = rig->sent[0].options.value;
	rig->clock.mono_ns += 20000000;
	sacked(rig, 1, 2, 6, again);
	for (uint32_t end = 8; end <= 10; end++)
		sacked(rig, 1, 7, end, again);
	rig->clock.mono_ns += 5000000;
	rig_turn(rig);
	assert_true(rig->sent[rig->sent_n - 1].options.value != again);
	rig->clock.mono_ns += 5000000;
	sacked(rig, 6, 7, 10, again);
	assert_int_equal(rig_stats(rig).recoveries, 1);
	assert_int_equal(rig_stats(rig).recovery_spurious, 0);
}

static void lost_fin_is_sent_again(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	session->finally = STREAM_CLOSE;
	rig_say(rig, session, 10);
	rig_turn(rig);
	rig_expect(rig, FIN | ACK);
	rig_sleep(rig, 201);
	assert_int_equal(rig_expect(rig, FIN | ACK)->len, 10);
	acked(rig, 10);
	rig_sleep(rig, 250);
	assert_int_equal(rig_expect(rig, FIN | ACK)->len, 0);
	acked(rig, 11);
	assert_int_equal(session->closed, 1);
	rig_silent(rig);
}

/* So much is said, leaves and is acknowledged. */
static void flow(struct rig *rig, struct rig_session *session, uint64_t bytes)
{
	rig_say(rig, session, 200000);
	while (bytes > 0) {
		uint32_t left = 0;

		rig_turn(rig);
		while (rig->sent_at < rig->sent_n)
			left += rig_expect(rig, ACK)->len;
		assert_true(left > 0);
		rig_forget_sent(rig);
		rig->peer_ack += left;
		rig_next(rig, ACK, NULL, 0);
		bytes -= left < bytes ? left : bytes;
		if (session->out_at < session->out_n)
			continue;
		session->out_at = 0;
		tcp_transport(rig->tcp)->ops->wake(tcp_transport(rig->tcp), session->ref);
	}
}

/* RFC 9293 3.4: 2^31 bytes after a loss, or after the first byte, numbers of then would seem to lie
 * ahead: as if this window were reduced already, and recovery under way. */
static void loss_after_so_much(struct rig *rig, bool sack)
{
	struct rig_session *session;
	struct connection *c;
	uint32_t cwnd;

	rig->mtu = 9000;
	rig->peer_options.mss = 8960;
	rig->peer_options.scaling = true;
	rig->peer_options.shift = 4;
	rig->peer_options.sack_permitted = sack;
	session = rig_accept(rig);
	c = loss_connection(rig);
	flow(rig, session, 0x88000000);
	rig_turn(rig);
	cwnd = c->cwnd;
	assert_in_range(tcp_flight(c), 4 * 8960, cwnd);
	rig_forget_sent(rig);
	for (uint32_t i = 1; i <= 3; i++) {
		rig->peer_options.blocks_n = sack;
		rig->peer_options.blocks[0] =
			(struct sack_block){rig->peer_ack + 8960, rig->peer_ack + 8960 * (1 + i)};
		rig_next(rig, ACK, NULL, 0);
		rig_turn(rig);
	}
	rig->peer_options.blocks_n = 0;
	assert_int_equal(rig_stats(rig).recoveries, 1);
	assert_true(c->ssthresh < cwnd);
	rig->peer_ack = c->snd_nxt;
	rig_next(rig, ACK, NULL, 0);
	assert_in_range(c->cwnd, 1, cwnd);
}

static void loss_after_two_gigabytes(void **state)
{
	loss_after_so_much(*state, true);
}

static void loss_after_two_gigabytes_without_sack(void **state)
{
	loss_after_so_much(*state, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(timeouts_back_off_and_give_up),
		RIG_TEST(an_acknowledgement_ends_the_backing_off),
		RIG_TEST(timeout_follows_the_round_trip),
		RIG_TEST(the_repeated_is_not_timed),
		RIG_TEST(three_duplicates_send_again),
		RIG_TEST(partial_acknowledgements),
		RIG_TEST(what_is_no_duplicate),
		RIG_TEST(no_fast_retransmit_after_a_timeout),
		RIG_TEST(timeout_starts_slowly),
		RIG_TEST(older_copies_are_no_originals),
		RIG_TEST(loss_after_two_gigabytes),
		RIG_TEST(loss_after_two_gigabytes_without_sack),
		RIG_TEST(lost_fin_is_sent_again),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
