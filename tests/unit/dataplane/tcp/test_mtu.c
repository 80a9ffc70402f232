/* SPDX-License-Identifier: Apache-2.0 */
/* What a path takes: whom to believe (RFC 5927 7.2), black holes (RFC 4821 7.7), and memory. */
#include "rig.h"

#include <rte_ip.h>
#include <rte_tcp.h>

#include "eal.h"

enum { MINUTES_10_MS = 600000 };

static struct rig *rig_with_probing(void **state)
{
	rig_teardown(state);
	rig_config.path_mtu_probing = true;
	assert_int_equal(rig_setup(state), 0);
	return *state;
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

/* Full segments vanish, nobody says why: 1,280 after two timeouts, 576 after two more. */
static void black_hole_is_left(void **state)
{
	struct rig *rig = rig_with_probing(state);
	unsigned lowered = 0;

	begin(rig);
	rig_sleep(rig, 60000);
	for (; rig->sent_at < rig->sent_n && lowered < 2; rig->sent_at++) {
		const struct rig_segment *s = &rig->sent[rig->sent_at];

		if (s->seq == rig->peer_ack && s->len == (lowered == 0 ? 1280U - 40 : 576 - 40))
			lowered++;
		assert_true(s->len <= RIG_MSS);
	}
	assert_int_equal(lowered, 2);
	assert_int_equal(rig_stats(rig).mtu_black_holes, 2);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(old_routers_say_no_size),
		RIG_TEST(progress_refutes_a_claim),
		RIG_TEST(timeout_confirms_a_claim),
		RIG_TEST(black_hole_is_left),
		RIG_TEST(black_holes_are_not_looked_for),
		RIG_TEST(small_segments_know_no_black_hole),
		RIG_TEST(path_is_remembered),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
