/* SPDX-License-Identifier: Apache-2.0 */
/* What a path takes: whom to believe (RFC 5927 7.2), black holes (RFC 4821 7.7), memory, and the
 * search for more (RFC 4821 7). */
#include "rig.h"

#include <rte_ip.h>
#include <rte_tcp.h>

#include "eal.h"
#include "state.h"

enum { MINUTES_10_MS = 600000 };

static struct rig *rig_with_probing(void **state)
{
	struct rig *rig;
	uint32_t tso = rig_tso_bytes_max;

	rig_teardown(state);
	rig_config.path_mtu_probing = true;
	rig_tso_bytes_max = tso;
	assert_int_equal(rig_setup(state), 0);
	rig = *state;
	rig->peer_options.sack_permitted = true;
	return rig;
}

/* A router refuses our packet of `bytes` at `seq` for a link of `mtu`. */
static void too_big(struct rig *rig, uint32_t mtu, uint16_t bytes, uint32_t seq)
{
	struct rte_ipv4_hdr ip = {.version_ihl = RTE_IPV4_VHL_DEF,
				  .total_length = rte_cpu_to_be_16(bytes),
				  .next_proto_id = IPPROTO_TCP};
	struct rte_tcp_hdr tcp = {.src_port = rte_cpu_to_be_16(RIG_PORT),
				  .dst_port = rte_cpu_to_be_16(rig->peer_port),
				  .sent_seq = rte_cpu_to_be_32(seq)};
	uint8_t quoted[28];

	memcpy(&ip.src_addr, rig_addr + 12, 4);
	memcpy(&ip.dst_addr, rig_peer_addr + 12, 4);
	memcpy(quoted, &ip, sizeof(ip));
	memcpy(quoted + sizeof(ip), &tcp, 8);
	tcp_icmp(rig->tcp, 3, 4, mtu, (struct span){quoted, sizeof(quoted)});
	rig_turn(rig);
}

static void acknowledge(struct rig *rig, uint32_t bytes)
{
	rig->peer_ack += bytes;
	rig_next(rig, ACK, NULL, 0);
	rig_turn(rig);
}

static uint32_t next_len(struct rig *rig)
{
	return rig_expect(rig, ACK)->len;
}

/* A connection that has 5,000 bytes in flight, and more behind them. */
static struct rig_session *begin(struct rig *rig)
{
	struct rig_session *session = rig_accept(rig);

	rig_say(rig, session, 5000);
	rig_turn(rig);
	assert_int_equal(next_len(rig), RIG_MSS);
	rig_forget_sent(rig);
	return session;
}

/* RFC 1191 7: the next plateau below the packet that the router quotes. */
static void old_routers_say_no_size(void **state)
{
	struct rig *rig = *state;

	begin(rig);
	too_big(rig, 0, 1500, rig->peer_ack);
	assert_int_equal(next_len(rig), 1492 - 40);
	rig_forget_sent(rig);
	too_big(rig, 0, 1400, rig->peer_ack);
	assert_int_equal(next_len(rig), 1006 - 40);
	rig_forget_sent(rig);
	too_big(rig, 0, 9000, rig->peer_ack); /* it lies: what we use counts */
	assert_int_equal(next_len(rig), 552 - 40);
	rig_forget_sent(rig);
	too_big(rig, 0, 9000, rig->peer_ack);
	rig_silent(rig);
}

/* Full segments came through: a claim waits for a timeout, and progress refutes it. */
static void progress_refutes_a_claim(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = begin(rig);

	acknowledge(rig, RIG_MSS);
	rig_forget_sent(rig);
	too_big(rig, 600, 1500, rig->peer_ack);
	rig_silent(rig);
	acknowledge(rig, 5000 - RIG_MSS);
	assert_int_equal(rig_stats(rig).path_mtu_disbelieved, 1);
	rig_say(rig, session, 2000);
	rig_turn(rig);
	assert_int_equal(next_len(rig), RIG_MSS);
	assert_int_equal(rig_stats(rig).path_mtu_lowered, 0);
}

/* But where nothing arrives any more, the path has changed. */
static void timeout_confirms_a_claim(void **state)
{
	struct rig *rig = *state;

	begin(rig);
	acknowledge(rig, RIG_MSS);
	too_big(rig, 1000, 1500, rig->peer_ack);
	rig_forget_sent(rig);
	rig_sleep(rig, 1500);
	while (rig->sent[rig->sent_at].len == RIG_MSS) /* a probe of the tail may go before */
		rig->sent_at++;
	assert_int_equal(next_len(rig), 1000 - 40);
	assert_int_equal(rig_stats(rig).path_mtu_lowered, 1);
	/* A second one is believed at once now. */
	too_big(rig, 800, 1000, rig->peer_ack);
	assert_int_equal(rig_stats(rig).path_mtu_lowered, 2);
}

static void black_holes_are_not_looked_for(void **state)
{
	struct rig *rig = *state;

	begin(rig);
	rig_sleep(rig, 60000);
	assert_int_equal(rig_stats(rig).mtu_black_holes, 0);
}

/* What gets lost is small: its size is no reason. */
static void small_segments_know_no_black_hole(void **state)
{
	struct rig *rig = rig_with_probing(state);

	rig_say(rig, rig_accept(rig), 500);
	rig_sleep(rig, 60000);
	assert_int_equal(rig_stats(rig).mtu_black_holes, 0);
}

/* A new connection's first full segment; the one before goes on afterwards. */
static uint32_t fresh_len(struct rig *rig)
{
	uint32_t seq = rig->peer_seq, ack = rig->peer_ack, len;

	rig_forget_sent(rig);
	rig->peer_port += rig->sessions_n;
	rig_say(rig, rig_accept(rig), 2000);
	rig_turn(rig);
	len = next_len(rig);
	acknowledge(rig, 2000);
	rig->peer_port = RIG_PEER_PORT;
	rig->peer_seq = seq;
	rig->peer_ack = ack;
	return len;
}

/* The next connection to the same place begins with what came through, for ten minutes. */
static void path_is_remembered(void **state)
{
	struct rig *rig = *state;

	begin(rig);
	too_big(rig, 1200, 1500, rig->peer_ack);
	/* Not yet: nothing has come through, or what was sent before. */
	assert_int_equal(fresh_len(rig), RIG_MSS);
	acknowledge(rig, RIG_MSS);
	assert_int_equal(fresh_len(rig), RIG_MSS);
	acknowledge(rig, 5000 - RIG_MSS);
	assert_int_equal(fresh_len(rig), 1200 - 40);
	assert_int_equal(rig_stats(rig).path_mtu_known, 1);
	rig_sleep(rig, MINUTES_10_MS);
	assert_int_equal(fresh_len(rig), RIG_MSS);
}

/* --- The search for a larger size --- */

enum { LOWER_MTU = 1200, LOWER = LOWER_MTU - 40, BETWEEN = (LOWER + RIG_MSS) / 2 };

/* A connection that a router has told of a smaller path, all its data acknowledged. */
static struct rig_session *lowered(struct rig *rig)
{
	struct rig_session *session;

	session = begin(rig);
	too_big(rig, LOWER_MTU, 1500, rig->peer_ack);
	acknowledge(rig, 5000);
	rig_forget_sent(rig);
	return session;
}

/* The first segment of the next `bytes`. */
static const struct rig_segment *say(struct rig *rig, struct rig_session *session, size_t bytes)
{
	rig_forget_sent(rig);
	rig_say(rig, session, bytes);
	rig_turn(rig);
	return &rig->sent[0];
}

/* Ten minutes later: a probe, which is at peer_ack, and segments behind it. */
static void probe(struct rig *rig, struct rig_session *session, uint32_t len)
{
	rig_sleep(rig, MINUTES_10_MS);
	assert_int_equal(say(rig, session, 8000)->len, len);
	for (unsigned i = 1; i < 5; i++)
		assert_int_equal(rig->sent[i].len, LOWER);
	rig_forget_sent(rig);
}

/* The peer has nothing of the first `hole` bytes and the `bytes` behind them. */
static void sack(struct rig *rig, uint32_t hole, uint32_t bytes)
{
	rig->peer_options.blocks_n = 1;
	rig->peer_options.blocks[0].start = rig->peer_ack + hole;
	rig->peer_options.blocks[0].end = rig->peer_ack + hole + bytes;
	rig_next(rig, ACK, NULL, 0);
	rig_turn(rig);
	rig->peer_options.blocks_n = 0;
}

/* The probe alone gets lost: three segments behind it say so. */
static void lose_probe(struct rig *rig, uint32_t len)
{
	sack(rig, len, TCP_DUPLICATES * LOWER);
}

/* Everything arrives, and what that lets out. */
static void arrive(struct rig *rig)
{
	while (rig->sent_n > 0) {
		const struct rig_segment *s = &rig->sent[rig->sent_n - 1];
		uint32_t bytes = s->seq + s->len - rig->peer_ack;

		rig_forget_sent(rig);
		acknowledge(rig, bytes);
	}
}

static void probe_raises(void **state)
{
	struct rig *rig = rig_with_probing(state);
	struct rig_session *session = lowered(rig);

	rig_sleep(rig, MINUTES_10_MS - 1000);
	assert_int_equal(say(rig, session, 8000)->len, LOWER);
	acknowledge(rig, 8000);
	rig_sleep(rig, 1000);
	probe(rig, session, RIG_MSS);
	acknowledge(rig, RIG_MSS);
	assert_int_equal(rig_stats(rig).path_mtu_raised, 1);
	acknowledge(rig, 8000 - RIG_MSS);
	say(rig, session, 8000);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(rig->sent[i].len, RIG_MSS);
	assert_int_equal(rig_stats(rig).mtu_probes, 1);
	assert_int_equal(rig_stats(rig).mtu_probes_lost, 0);
}

/* Whether it is acknowledged or named by a block. */
static void sacked_probe_raises(void **state)
{
	struct rig *rig = rig_with_probing(state);
	struct rig_session *session = lowered(rig);

	rig_sleep(rig, MINUTES_10_MS);
	say(rig, session, 500);
	assert_int_equal(say(rig, session, 8000)->len, RIG_MSS);
	sack(rig, 500, RIG_MSS - 1);
	assert_int_equal(rig_stats(rig).path_mtu_raised, 0);
	sack(rig, 500, RIG_MSS);
	assert_int_equal(rig_stats(rig).path_mtu_raised, 1);
}

/* 7.6.2: it goes again at once in segments that arrive; neither recovery nor reduction. */
static void lost_probe_is_no_congestion(void **state)
{
	struct rig *rig = rig_with_probing(state);
	struct rig_session *session = lowered(rig);

	probe(rig, session, RIG_MSS);
	lose_probe(rig, RIG_MSS);
	assert_int_equal(next_len(rig), LOWER);
	assert_int_equal(next_len(rig), RIG_MSS - LOWER);
	rig_silent(rig);
	acknowledge(rig, 8000);
	assert_int_equal(rig_stats(rig).mtu_probes_lost, 1);
	assert_int_equal(rig_stats(rig).recoveries, 0);
	assert_int_equal(rig_stats(rig).path_mtu_raised, 0);
	/* 7.3: no other one for ten minutes, then half as far. */
	rig_sleep(rig, MINUTES_10_MS - 1000);
	assert_int_equal(say(rig, session, 8000)->len, LOWER);
	acknowledge(rig, 8000);
	rig_sleep(rig, 1000);
	probe(rig, session, BETWEEN);
}

/* So without SACK. */
static void duplicates_tell_of_a_lost_probe(void **state)
{
	struct rig *rig = rig_with_probing(state);
	struct rig_session *session;

	rig->peer_options.sack_permitted = false;
	session = lowered(rig);
	probe(rig, session, RIG_MSS);
	for (unsigned i = 0; i < TCP_DUPLICATES; i++)
		acknowledge(rig, 0);
	assert_int_equal(next_len(rig), LOWER);
	acknowledge(rig, 8000);
	assert_int_equal(rig_stats(rig).mtu_probes_lost, 1);
	assert_int_equal(rig_stats(rig).recoveries, 0);
}

/* It ends where the next step gains little, and begins anew ten minutes later. */
static void search_ends(void **state)
{
	struct rig *rig = rig_with_probing(state);
	struct rig_session *session = lowered(rig);
	uint32_t low = LOWER, high = RIG_MSS, next = RIG_MSS;

	while (high >= low + 32) {
		const struct rig_segment *s;

		rig_sleep(rig, MINUTES_10_MS);
		s = say(rig, session, 8000);
		assert_int_equal(s->len, next);
		lose_probe(rig, s->len);
		acknowledge(rig, 8000);
		high = next - 1;
		next = (low + high + 1) / 2;
	}
	assert_int_equal(rig_stats(rig).mtu_probes_lost, 5);
	probe(rig, session, RIG_MSS);
}

/* 7.6.4: what else is lost has a reason, which may have been the probe's as well. */
static void other_losses_leave_it_open(void **state)
{
	struct rig *rig = rig_with_probing(state);
	struct rig_session *session = lowered(rig);

	probe(rig, session, RIG_MSS);
	sack(rig, RIG_MSS + LOWER, 3 * LOWER); /* the segment behind it, too */
	assert_int_equal(rig_stats(rig).recoveries, 1);
	acknowledge(rig, 8000);
	assert_int_equal(rig_stats(rig).mtu_probes_lost, 1);
	for (unsigned i = 0; i < 4; i++) { /* the window was reduced, and grows */
		assert_int_equal(say(rig, session, 8000)->len, LOWER);
		arrive(rig);
	}
	rig_sleep(rig, MINUTES_10_MS / 10);
	assert_int_equal(say(rig, session, 8000)->len, RIG_MSS);
}

/* 7.6.3: with a timeout, which is a sign of congestion. */
static void timeout_of_a_probe(void **state)
{
	struct rig *rig = rig_with_probing(state);
	struct rig_session *session = lowered(rig);

	probe(rig, session, RIG_MSS);
	while (rig_stats(rig).retransmit_timeout == 0)
		rig_sleep(rig, 10);
	assert_int_equal(rig_stats(rig).mtu_probes_lost, 1);
	acknowledge(rig, 8000);
	for (unsigned i = 0; i < 4; i++) {
		say(rig, session, 8000);
		arrive(rig);
	}
	probe(rig, session, BETWEEN);
}

/* 7.6.2: the router that drops it says what it takes: that is tried next, and nothing shrinks. */
static void router_refuses_a_probe(void **state)
{
	struct rig *rig = rig_with_probing(state);
	struct rig_session *session = lowered(rig);

	probe(rig, session, RIG_MSS);
	too_big(rig, 1400, 1500, rig->peer_ack);
	assert_int_equal(rig_stats(rig).mtu_probes_lost, 1);
	lose_probe(rig, RIG_MSS);
	acknowledge(rig, 8000);
	assert_int_equal(rig_stats(rig).recoveries, 0);
	assert_int_equal(rig_stats(rig).path_mtu_lowered, 1);
	probe(rig, session, 1400 - 40);
	too_big(rig, 0, 1400, rig->peer_ack); /* an old one */
	assert_int_equal(rig_stats(rig).mtu_probes_lost, 2);
	assert_int_equal(rig_stats(rig).path_mtu_lowered, 1);
	acknowledge(rig, 8000);
	/* A path that is smaller than before is believed with the timeout, as ever. */
	probe(rig, session, (LOWER + 1400 - 40) / 2);
	too_big(rig, 1000, 1400, rig->peer_ack);
	assert_int_equal(rig_stats(rig).path_mtu_lowered, 1);
	while (rig_stats(rig).retransmit_timeout == 0)
		rig_sleep(rig, 10);
	assert_int_equal(rig_stats(rig).path_mtu_lowered, 2);
	assert_int_equal(rig->sent[rig->sent_n - 1].seq, rig->peer_ack + 960);
}

/* 7.4: enough to send, and windows that let what follows it leave. */
static void probe_needs_company(void **state)
{
	struct rig *rig = rig_with_probing(state);
	struct rig_session *session = lowered(rig);
	const uint32_t enough = RIG_MSS + TCP_DUPLICATES * LOWER;

	rig_sleep(rig, MINUTES_10_MS);
	assert_int_equal(say(rig, session, enough - 1)->len, LOWER);
	acknowledge(rig, enough - 1);
	rig->peer_window = enough - 1;
	acknowledge(rig, 0);
	assert_int_equal(say(rig, session, 8000)->len, LOWER);
	acknowledge(rig, 4 * LOWER);
	acknowledge(rig, 8000 - 4 * LOWER);
	rig->peer_window = enough;
	acknowledge(rig, 0);
	assert_int_equal(say(rig, session, enough)->len, RIG_MSS);
}

/* A window in full use drains until it has room, and then the flow goes on. */
static void window_drains_for_a_probe(void **state)
{
	struct rig *rig = rig_with_probing(state);
	struct rig_session *session = lowered(rig);

	rig_sleep(rig, MINUTES_10_MS - 200);
	say(rig, session, 100000);
	assert_true(rig->sent_n >= 10);
	rig->clock.mono_ns += 200 * 1000000ULL;
	rig_forget_sent(rig);
	rig->peer_window = 5 * LOWER;
	acknowledge(rig, 5 * LOWER);
	acknowledge(rig, LOWER);
	rig_silent(rig);
	acknowledge(rig, LOWER);
	assert_int_equal(next_len(rig), RIG_MSS);
	rig_silent(rig);
}

/* The port would cut it in two (TSO). */
static void probe_is_one_packet(void **state)
{
	struct rig_session *session;
	struct rig *rig;

	rig_tso_bytes_max = 65536;
	rig = rig_with_probing(state);
	session = rig_accept(rig);
	say(rig, session, 5000);
	too_big(rig, LOWER_MTU, 1500, rig->peer_ack);
	acknowledge(rig, 5000);
	rig_sleep(rig, MINUTES_10_MS);
	assert_int_equal(say(rig, session, 8000)->len, RIG_MSS);
	assert_int_equal(rig->sent[0].cut, 0);
	assert_int_equal(rig->sent[1].cut, LOWER);
	sack(rig, RIG_MSS, 8000 - RIG_MSS);
	assert_int_equal(rig->sent[rig->sent_n - 1].seq, rig->peer_ack);
	assert_int_equal(rig->sent[rig->sent_n - 1].cut, LOWER);
}

/* One that begins with what is remembered searches when the memory ends; what it finds is
 * remembered for the next. */
static void memory_follows_the_search(void **state)
{
	struct rig *rig = rig_with_probing(state);
	struct rig_session *session;

	lowered(rig);
	rig->peer_port++;
	session = rig_accept(rig);
	assert_int_equal(say(rig, session, 8000)->len, LOWER);
	acknowledge(rig, 8000);
	probe(rig, session, RIG_MSS);
	lose_probe(rig, RIG_MSS);
	acknowledge(rig, 8000);
	probe(rig, session, BETWEEN);
	acknowledge(rig, 8000);
	rig->peer_port++;
	assert_int_equal(say(rig, rig_accept(rig), 8000)->len, BETWEEN);
}

/* --- Black holes --- */

enum { TRIAL = 1280 - 40, TRIAL_LEAST = 576 - 40 };

/* The path takes `most` bytes of payload, and says nothing of what is larger: what fits arrives in
 * order, for `ms`. */
static void path_takes(struct rig *rig, uint32_t most, uint32_t ms)
{
	for (uint32_t i = 0; i < ms; i++) {
		for (; rig->sent_at < rig->sent_n; rig->sent_at++) {
			const struct rig_segment *s = &rig->sent[rig->sent_at];

			if (s->len > 0 && s->len <= most && s->seq == rig->peer_ack)
				rig->peer_ack += s->len;
		}
		rig_forget_sent(rig);
		rig_next(rig, ACK, NULL, 0);
		rig_sleep(rig, 1);
	}
}

/* A black hole that is believed; behind it everything has arrived. */
static struct rig_session *black_hole(struct rig *rig)
{
	struct rig_session *session = begin(rig);

	path_takes(rig, TRIAL, 3000);
	assert_int_equal(rig_stats(rig).mtu_black_holes, 1);
	return session;
}

/* A full segment that is larger than the MSS goes as a probe; it is at peer_ack. */
static void probe_after_hole(struct rig *rig, struct rig_session *session)
{
	for (unsigned i = 0; i < 20; i++) {
		if (say(rig, session, 8000)->len == RIG_MSS)
			return;
		assert_int_equal(rig->sent[0].len, TRIAL);
		arrive(rig);
		rig_sleep(rig, 500);
	}
	fail();
}

static void lose_probe_after_hole(struct rig *rig, struct rig_session *session)
{
	probe_after_hole(rig, session);
	sack(rig, RIG_MSS, TCP_DUPLICATES * TRIAL);
	acknowledge(rig, 8000);
}

/* All segments are full: nothing arrives but what is cut. Two timeouts, and one for each trial
 * after the first. */
static void black_hole_is_left(void **state)
{
	struct rig *rig = rig_with_probing(state);

	begin(rig);
	path_takes(rig, TRIAL, 2000);
	assert_int_equal(rig_stats(rig).mtu_black_holes, 1);
	assert_int_equal(rig_stats(rig).mtu_trials, 3);
	assert_int_equal(rig_stats(rig).mtu_trials_arrived, 3);
	assert_int_equal(rig_stats(rig).retransmit_timeout, 4);
}

/* A hole that is smaller than the first step: 576. */
static void deep_black_hole_is_left(void **state)
{
	struct rig *rig = rig_with_probing(state);
	struct rig_session *session = begin(rig);

	path_takes(rig, TRIAL - 1, 5000);
	assert_int_equal(rig_stats(rig).mtu_black_holes, 1);
	assert_int_equal(rig_stats(rig).mtu_trials_arrived, 3);
	assert_true(rig_stats(rig).retransmit_timeout <= 7);
	assert_int_equal(say(rig, session, 1000)->len, TRIAL_LEAST);
}

/* Full segments one at a time, with nothing in flight between them: the suspicion stays. */
static void suspicion_outlives_idleness(void **state)
{
	struct rig *rig = rig_with_probing(state);
	struct rig_session *session = rig_accept(rig);

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(rig_stats(rig).mtu_trials_arrived, i);
		assert_int_equal(rig_stats(rig).mtu_black_holes, 0);
		say(rig, session, RIG_MSS);
		rig->sent_at = 0;
		path_takes(rig, TRIAL, 1000);
	}
	assert_int_equal(rig_stats(rig).mtu_black_holes, 1);
	assert_int_equal(rig_stats(rig).retransmit_timeout, 4);
	assert_int_equal(say(rig, session, RIG_MSS)->len, TRIAL);
}

/* Silence is no evidence: what is sent again becomes smaller, the MSS does not. */
static void silence_lowers_nothing(void **state)
{
	struct rig *rig = rig_with_probing(state);
	struct rig_session *session = begin(rig);
	unsigned trials = 0;

	rig_sleep(rig, 20000);
	for (; rig->sent_at < rig->sent_n; rig->sent_at++)
		trials += rig->sent[rig->sent_at].len == TRIAL ||
			  rig->sent[rig->sent_at].len == TRIAL_LEAST;
	assert_int_equal(rig_stats(rig).mtu_trials, trials);
	assert_true(trials >= 3);
	assert_int_equal(rig_stats(rig).mtu_black_holes, 0);
	/* The path comes back; the first to arrive is a small one, and then full ones do. */
	path_takes(rig, RIG_MSS, 60000);
	assert_int_equal(rig_stats(rig).mtu_trials_arrived, 1);
	assert_int_equal(rig_stats(rig).mtu_black_holes_refuted, 1);
	assert_int_equal(rig_stats(rig).mtu_black_holes, 0);
	assert_int_equal(rig_stats(rig).path_mtu_lowered, 0);
	assert_int_equal(say(rig, session, 2000)->len, RIG_MSS);
}

/* A full segment that was SACKed behind the stuck one says that the path takes it, although the
 * timeout that asks forgets what was SACKed (RFC 2018 8). */
static void sacked_segments_refute(void **state)
{
	struct rig *rig = rig_with_probing(state);

	begin(rig);
	sack(rig, RIG_MSS, RIG_MSS);
	while (rig_stats(rig).retransmit_timeout < 2)
		rig_sleep(rig, 10);
	assert_int_equal(rig_stats(rig).reneged, 1);
	assert_int_equal(rig_stats(rig).mtu_trials, 0);
	/* It may be long ago, and the path smaller since. */
	while (rig_stats(rig).retransmit_timeout < 3)
		rig_sleep(rig, 10);
	assert_int_equal(rig_stats(rig).mtu_trials, 1);
}

/* A full one between the trials: all begins anew. */
static void full_segment_refutes(void **state)
{
	struct rig *rig = rig_with_probing(state);
	struct rig_session *session = rig_accept(rig);

	for (unsigned i = 0; i < 4; i++) {
		say(rig, session, RIG_MSS);
		rig->sent_at = 0;
		path_takes(rig, TRIAL, 2000);
		say(rig, session, RIG_MSS);
		arrive(rig);
		assert_int_equal(rig_stats(rig).mtu_black_holes_refuted, i + 1);
	}
	assert_int_equal(rig_stats(rig).mtu_trials_arrived, 4);
	assert_int_equal(rig_stats(rig).mtu_black_holes, 0);
}

/* Small records leave together when they go again, as large as the path does not take. */
static void small_records_leave_apart(void **state)
{
	struct rig *rig = rig_with_probing(state);
	struct rig_session *session = rig_accept(rig);

	for (unsigned i = 0; i < 8; i++)
		say(rig, session, 180);
	rig->sent_at = rig->sent_n;
	path_takes(rig, TRIAL, 2000);
	rig_forget_sent(rig);
	path_takes(rig, TRIAL, 100);
	assert_int_equal(rig_stats(rig).mtu_trials, 1);
	assert_int_equal(say(rig, session, 100)->seq, rig->peer_ack);
	assert_int_equal(rig_stats(rig).mtu_black_holes, 0);
}

/* A second later all is as before, and no other connection has heard of it. */
static void path_that_was_gone_is_no_black_hole(void **state)
{
	struct rig *rig = rig_with_probing(state);
	struct rig_session *session = black_hole(rig);

	probe_after_hole(rig, session);
	arrive(rig);
	assert_int_equal(rig_stats(rig).path_mtu_raised, 1);
	assert_int_equal(fresh_len(rig), RIG_MSS);
	assert_int_equal(rig_stats(rig).path_mtu_known, 0);
}

/* Two probes that are lost as well make it one: for others, too. One may be lost by chance. */
static void black_hole_is_remembered_when_probes_are_lost(void **state)
{
	struct rig *rig = rig_with_probing(state);
	struct rig_session *session = black_hole(rig);

	lose_probe_after_hole(rig, session);
	assert_int_equal(rig_stats(rig).mtu_probes_lost, 1);
	assert_int_equal(rig_stats(rig).mtu_black_holes_proved, 0);
	assert_int_equal(fresh_len(rig), RIG_MSS);
	rig_sleep(rig, 4000);
	assert_int_equal(say(rig, session, 8000)->len, TRIAL);
	arrive(rig);
	lose_probe_after_hole(rig, session);
	assert_int_equal(rig_stats(rig).mtu_probes_lost, 2);
	assert_int_equal(rig_stats(rig).mtu_black_holes_proved, 1);
	assert_int_equal(fresh_len(rig), TRIAL);
}

/* The router that drops the probe says so: one is enough. */
static void router_proves_a_black_hole(void **state)
{
	struct rig *rig = rig_with_probing(state);
	struct rig_session *session = black_hole(rig);

	probe_after_hole(rig, session);
	too_big(rig, 1400, 1500, rig->peer_ack);
	sack(rig, RIG_MSS, TCP_DUPLICATES * TRIAL);
	acknowledge(rig, 8000);
	assert_int_equal(rig_stats(rig).mtu_probes_lost, 1);
	assert_int_equal(fresh_len(rig), TRIAL);
}

/* What a router has said is remembered, although nothing beyond it came through before the hole. */
static void claim_outlives_a_black_hole(void **state)
{
	struct rig *rig = rig_with_probing(state);

	begin(rig);
	too_big(rig, 1400, 1500, rig->peer_ack);
	path_takes(rig, TRIAL, 3000);
	assert_int_equal(rig_stats(rig).mtu_black_holes, 1);
	assert_int_equal(fresh_len(rig), 1400 - 40);
}

/* Neither where it is not wanted, nor where nothing was lowered. */
static void nobody_probes_for_nothing(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = lowered(rig);

	rig_sleep(rig, MINUTES_10_MS);
	assert_int_equal(say(rig, session, 8000)->len, LOWER);
	rig = rig_with_probing(state);
	rig->peer_options.mss = 1000;
	session = rig_accept(rig);
	rig_sleep(rig, MINUTES_10_MS);
	assert_int_equal(say(rig, session, 8000)->len, 1000);
	assert_int_equal(rig_stats(rig).mtu_probes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(old_routers_say_no_size),
		RIG_TEST(progress_refutes_a_claim),
		RIG_TEST(timeout_confirms_a_claim),
		RIG_TEST(black_holes_are_not_looked_for),
		RIG_TEST(small_segments_know_no_black_hole),
		RIG_TEST(path_is_remembered),
		RIG_TEST(probe_raises),
		RIG_TEST(sacked_probe_raises),
		RIG_TEST(lost_probe_is_no_congestion),
		RIG_TEST(duplicates_tell_of_a_lost_probe),
		RIG_TEST(search_ends),
		RIG_TEST(other_losses_leave_it_open),
		RIG_TEST(timeout_of_a_probe),
		RIG_TEST(router_refuses_a_probe),
		RIG_TEST(probe_needs_company),
		RIG_TEST(window_drains_for_a_probe),
		RIG_TEST(probe_is_one_packet),
		RIG_TEST(memory_follows_the_search),
		RIG_TEST(black_hole_is_left),
		RIG_TEST(deep_black_hole_is_left),
		RIG_TEST(suspicion_outlives_idleness),
		RIG_TEST(silence_lowers_nothing),
		RIG_TEST(sacked_segments_refute),
		RIG_TEST(full_segment_refutes),
		RIG_TEST(small_records_leave_apart),
		RIG_TEST(path_that_was_gone_is_no_black_hole),
		RIG_TEST(black_hole_is_remembered_when_probes_are_lost),
		RIG_TEST(router_proves_a_black_hole),
		RIG_TEST(claim_outlives_a_black_hole),
		RIG_TEST(nobody_probes_for_nothing),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
