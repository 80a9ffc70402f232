/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <errno.h>

#include "eal.h"

/* One connection through to TIME_WAIT; we close first. */
static void waiting(struct rig *rig)
{
	struct rig_session *session = rig_accept(rig);
	struct stream_transport *transport = tcp_transport(rig->tcp);

	session->finally = STREAM_CLOSE;
	transport->ops->wake(transport, session->ref);
	rig_turn(rig);
	rig_expect(rig, FIN | ACK);
	rig->peer_ack++;
	rig_next(rig, FIN | ACK, NULL, 0);
	rig_expect(rig, ACK);
	rig_silent(rig);
	assert_int_equal(session->closed, 1);
}

static void lasts_two_msl(void **state)
{
	struct rig *rig = *state;

	waiting(rig);
	rig_sleep(rig, 59000);
	/* The last FIN again: our ACK was lost. The wait begins anew. */
	rig_segment(rig, FIN | ACK, rig->peer_seq - 1, rig->peer_ack, NULL, 0);
	assert_int_equal(rig_expect(rig, ACK)->ack, rig->peer_seq);
	rig_sleep(rig, 59000);
	rig_segment(rig, FIN | ACK, rig->peer_seq - 1, rig->peer_ack, NULL, 0);
	rig_expect(rig, ACK);
	rig_sleep(rig, 61000);
	rig_segment(rig, FIN | ACK, rig->peer_seq - 1, rig->peer_ack, NULL, 0);
	rig_expect(rig, RST);
	assert_true(tcp_next_ns(rig->tcp) == UINT64_MAX);
}

/* RFC 1337: neither a reset nor an old acknowledgement has any effect. */
static void cannot_be_assassinated(void **state)
{
	struct rig *rig = *state;

	waiting(rig);
	rig_segment(rig, RST, rig->peer_seq, 0, NULL, 0);
	rig_segment(rig, RST, rig->peer_seq, 0, "why", 3);
	rig_segment(rig, ACK, rig->peer_seq, rig->peer_ack, NULL, 0);
	rig_silent(rig);
	rig_segment(rig, ACK, rig->peer_seq - 50, rig->peer_ack, "old", 3);
	rig_expect(rig, ACK);
	rig_segment(rig, SYN, rig->peer_seq - 1000, 0, NULL, 0); /* an old SYN */
	rig_expect(rig, ACK);
}

static void new_sequence_opens_anew(void **state)
{
	struct rig *rig = *state;
	const struct rig_segment *s;

	waiting(rig);
	rig->peer_seq += 100;
	rig_next(rig, SYN, NULL, 0);
	s = rig_expect(rig, SYN | ACK);
	rig->peer_ack = s->seq + 1;
	rig_next(rig, ACK, NULL, 0);
	assert_int_equal(rig->sessions_n, 2);
}

/* RFC 6191: a later timestamp, whatever the sequence. */
static void new_timestamp_opens_anew(void **state)
{
	struct rig *rig = *state;

	rig->peer_options.timestamps = true;
	rig->peer_options.value = 5000;
	waiting(rig);
	rig->peer_options.value = 4999;
	rig_segment(rig, SYN, rig->peer_seq + 1, 0, NULL, 0);
	assert_int_equal(rig_expect(rig, ACK)->options.echo, 5000);
	rig->peer_options.value = 5001;
	rig_segment(rig, SYN, rig->peer_seq - 500, 0, NULL, 0);
	rig_expect(rig, SYN | ACK);
}

/* RFC 9293 3.4.3: the clock of ISNs has not come as far as the old connection did. */
static void sequences_go_on_above_the_old(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session;
	uint32_t stamp, used;

	rig->peer_options.timestamps = true;
	rig->peer_options.value = 5000;
	rig->peer_window = 65535;
	session = rig_accept(rig);
	for (unsigned i = 0; i < 20; i++) {
		rig_say(rig, session, 10000);
		rig_turn(rig);
		rig->peer_ack += 10000;
		rig_next(rig, ACK, NULL, 0);
	}
	session->finally = STREAM_CLOSE;
	rig_say(rig, session, 1);
	rig_turn(rig);
	stamp = rig->sent[rig->sent_n - 1].options.value;
	rig->peer_ack += 2;
	rig_next(rig, FIN | ACK, NULL, 0);
	used = rig->peer_ack;
	assert_int_equal(rig_stats(rig).time_wait, 1);
	rig_forget_sent(rig);
	rig->peer_options.value = 5001;
	rig->peer_seq -= 100000;
	rig_next(rig, SYN, NULL, 0);
	rig->peer_ack = rig_expect(rig, SYN | ACK)->seq + 1;
	assert_true((int32_t)(rig->sent[0].seq - used) > 65535);
	assert_true((int32_t)(rig->sent[0].options.value - stamp) >= 0);
	rig_next(rig, ACK, NULL, 0);
	assert_int_equal(rig->sessions_n, 2);
}

/* We open the tuple again that waits on our side: after a second, and by timestamps only. */
static void active_open_reuses(void **state)
{
	struct stream_ref ref;
	struct rig *rig = *state;
	uint32_t used;

	for (unsigned stamps = 0; stamps < 2; stamps++) {
		rig->peer_options.timestamps = stamps == 1;
		rig->peer_port = (uint16_t)(RIG_PEER_PORT + stamps);
		rig_forget_sent(rig);
		waiting(rig);
		used = rig->peer_ack;
		rig_sleep(rig, 999);
		assert_int_equal(tcp_connect(rig->tcp, rig_addr, RIG_PORT, rig_peer_addr,
					     rig->peer_port, &rig->app, NULL, &ref),
				 -EADDRNOTAVAIL);
		rig_sleep(rig, 1);
		assert_int_equal(tcp_connect(rig->tcp, rig_addr, RIG_PORT, rig_peer_addr,
					     rig->peer_port, &rig->app, NULL, &ref),
				 stamps == 1 ? 0 : -EADDRNOTAVAIL);
	}
	assert_true((int32_t)(rig_expect(rig, SYN)->seq - used) > 65535);
	rig->peer_seq = RIG_PEER_ISN;
	rig_segment(rig, SYN | ACK, RIG_PEER_ISN, rig->sent[rig->sent_n - 1].seq + 1, NULL, 0);
	assert_int_equal(rig_stats(rig).opened_active, 1);
}

static void bounded_oldest_out(void **state)
{
	struct rig *rig = *state;

	for (unsigned i = 0; i < rig_config.time_wait_max + 1; i++) {
		waiting(rig);
		rig_forget_sent(rig);
		rig->peer_port++;
	}
	rig->peer_port = RIG_PEER_PORT;
	rig_segment(rig, FIN | ACK, rig->peer_seq - 1, rig->peer_ack, NULL, 0);
	rig_expect(rig, RST);
	rig->peer_port++;
	rig_segment(rig, FIN | ACK, rig->peer_seq - 1, rig->peer_ack, NULL, 0);
	rig_expect(rig, ACK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(lasts_two_msl),
		RIG_TEST(cannot_be_assassinated),
		RIG_TEST(new_sequence_opens_anew),
		RIG_TEST(new_timestamp_opens_anew),
		RIG_TEST(sequences_go_on_above_the_old),
		RIG_TEST(active_open_reuses),
		RIG_TEST(bounded_oldest_out),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
