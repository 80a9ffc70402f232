/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include "eal.h"

enum { NOT_ECT = 0, ECT0 = 2, CE = 3 };

/* The peer opens with these flags besides SYN; ours has `answer` besides SYN and ACK. */
static struct rig_session *accepted(struct rig *rig, uint8_t flags, uint8_t answer)
{
	const struct rig_segment *s;

	rig->peer_seq = RIG_PEER_ISN;
	rig_next(rig, SYN | flags, NULL, 0);
	rig_turn(rig);
	s = rig_expect(rig, SYN | ACK | answer);
	assert_int_equal(s->tos, NOT_ECT);
	rig->peer_ack = s->seq + 1;
	rig_next(rig, ACK, NULL, 0);
	rig_turn(rig);
	rig_forget_sent(rig);
	return &rig->sessions[rig->sessions_n - 1];
}

/* The acknowledgement of `segments` more, with these flags besides. */
static void acked(struct rig *rig, uint8_t flags, uint32_t segments)
{
	rig->peer_ack += segments * RIG_MSS;
	rig_next(rig, ACK | flags, NULL, 0);
	rig_turn(rig);
}

static void restart(void **state, enum tcp_ecn ecn)
{
	rig_teardown(state);
	rig_config.ecn = ecn;
	assert_int_equal(rig_setup(state), 0);
}

/* RFC 3168 6.1.1: both flags ask, one alone or none does not. */
static void accepted_from_who_asks(void **state)
{
	struct rig *rig = *state;

	accepted(rig, ECE | CWR, ECE);
	assert_int_equal(rig_stats(rig).ecn_connections, 1);
	rig->peer_port++;
	accepted(rig, ECE, 0);
	rig->peer_port++;
	accepted(rig, CWR, 0);
	rig->peer_port++;
	rig_say(rig, accepted(rig, 0, 0), 10);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->tos, NOT_ECT);
	assert_int_equal(rig_stats(rig).ecn_connections, 1);
	restart(state, TCP_ECN_OFF);
	accepted(*state, ECE | CWR, 0);
}

/* RFC 3168 6.1.1.1: a SYN that came again without the flags takes the offer back. */
static void offer_is_taken_back(void **state)
{
	struct rig *rig = *state;

	rig->peer_seq = RIG_PEER_ISN;
	rig_segment(rig, SYN | ECE | CWR, RIG_PEER_ISN, 0, NULL, 0);
	rig_expect(rig, SYN | ACK | ECE);
	rig_sleep(rig, 500);
	rig_segment(rig, SYN, RIG_PEER_ISN, 0, NULL, 0);
	rig_expect(rig, SYN | ACK);
	rig_silent(rig);
}

static void failed(struct stream_app *app, struct stream_ref ref, enum stream_reason reason)
{
	(void)app;
	(void)ref;
	(void)reason;
}

/* Our own open: what it asks, what it takes for a yes, and what it does when nobody answers. */
static void asked_for_when_configured(void **state)
{
	static const struct {
		uint8_t answer;
		unsigned agreed;
	} answers[] = {{ECE, 1}, {0, 0}, {ECE | CWR, 0}};
	struct stream_ref ref;

	for (unsigned i = 0; i < 4; i++) {
		struct rig *rig;
		uint32_t isn;

		restart(state, TCP_ECN_ON);
		rig = *state;
		assert_int_equal(tcp_connect(rig->tcp, rig_addr, RIG_PORT, rig_peer_addr,
					     RIG_PEER_PORT, &rig->app, failed, &ref),
				 0);
		isn = rig_expect(rig, SYN | ECE | CWR)->seq;
		if (i == 3) {
			rig_sleep(rig, 1100);
			rig_expect(rig, SYN);
		}
		rig_segment(rig, SYN | ACK | answers[i % 3].answer, RIG_PEER_ISN, isn + 1, NULL, 0);
		rig_turn(rig);
		rig_expect(rig, ACK);
		assert_int_equal(rig_stats(rig).ecn_connections, i == 3 ? 0 : answers[i].agreed);
	}
	restart(state, TCP_ECN_PASSIVE);
	assert_int_equal(tcp_connect(((struct rig *)*state)->tcp, rig_addr, RIG_PORT, rig_peer_addr,
				     RIG_PEER_PORT, &((struct rig *)*state)->app, failed, &ref),
			 0);
	rig_expect(*state, SYN);
}

/* RFC 3168 6.1.2, 6.1.4, 6.1.5: new data is ECT(0); what is sent again, acknowledgements and a FIN
 * alone are not. */
static void only_new_data_is_marked(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = accepted(rig, ECE | CWR, ECE);

	rig_say(rig, session, 100);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->tos, ECT0);
	rig_sleep(rig, 250);
	assert_int_equal(rig_expect(rig, ACK)->tos, NOT_ECT);
	rig->peer_ack += 100;
	rig_next(rig, ACK, NULL, 0);
	rig_next(rig, ACK | PSH, "x", 1);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->tos, NOT_ECT);
	session->finally = STREAM_CLOSE;
	rig_say(rig, session, 0);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, FIN | ACK)->tos, NOT_ECT);
}

/* RFC 3168 6.1.3: ECE from CE on, at once and in everything, until CWR. */
static void congestion_is_echoed_until_heard(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = accepted(rig, ECE | CWR, ECE);
	static const uint8_t data[RIG_MSS];

	/* Beyond the first acknowledgements, which never wait. */
	for (unsigned i = 0; i < 60; i++) {
		rig_next(rig, ACK, data, RIG_MSS);
		rig_turn(rig);
	}
	rig_forget_sent(rig);
	rig->peer_tos = CE;
	rig_next(rig, ACK, data, RIG_MSS); /* alone it would wait for a second one */
	rig_turn(rig);
	rig_expect(rig, ACK | ECE);
	rig->peer_tos = ECT0;
	rig_next(rig, ACK | PSH, "x", 1);
	rig_turn(rig);
	rig_expect(rig, ACK | ECE);
	rig_say(rig, session, 10);
	rig_turn(rig);
	rig_expect(rig, ACK | ECE);
	rig_next(rig, ACK | CWR | PSH, "x", 1);
	rig_turn(rig);
	rig_expect(rig, ACK);
	/* CWR that meets congestion itself begins it anew. */
	rig->peer_tos = CE;
	rig_next(rig, ACK | CWR | PSH, "x", 1);
	rig_turn(rig);
	rig_expect(rig, ACK | ECE);
	assert_int_equal(rig_stats(rig).ecn_ce_in, 2);
}

/* RFC 3168 6.1.5: data beyond the window may be forged. And without ECN a CE means nothing. */
static void what_is_not_echoed(void **state)
{
	struct rig *rig = *state;

	accepted(rig, ECE | CWR, ECE);
	rig->peer_tos = CE;
	rig_segment(rig, ACK, rig->peer_seq + 100000, rig->peer_ack, "x", 1);
	rig_segment(rig, ACK, rig->peer_seq - 1, rig->peer_ack, "x", 1);
	rig_turn(rig);
	rig_expect(rig, ACK);
	rig->peer_port++;
	rig->peer_tos = NOT_ECT;
	rig_forget_sent(rig);
	accepted(rig, 0, 0);
	rig->peer_tos = CE;
	rig_next(rig, ACK | PSH, "x", 1);
	rig_turn(rig);
	rig_expect(rig, ACK);
	assert_int_equal(rig_stats(rig).ecn_ce_in, 0);
}

/* RFC 3168 6.1.2: one reduction for a window, said once, in new data. */
static void window_is_reduced_once_a_round_trip(void **state)
{
	struct rig *rig = *state;

	rig_say(rig, accepted(rig, ECE | CWR, ECE), 200000);
	rig_turn(rig);
	assert_int_equal(rig->sent_n, 10);
	rig_forget_sent(rig);
	/* Half of ten: after six are acknowledged one more may leave. */
	for (unsigned i = 0; i < 5; i++)
		acked(rig, ECE, 1);
	rig_silent(rig);
	acked(rig, ECE, 1);
	rig_expect(rig, ACK | CWR);
	for (unsigned i = 0; i < 4; i++) {
		acked(rig, ECE, 1);
		rig_expect(rig, ACK);
		rig_silent(rig);
	}
	assert_int_equal(rig_stats(rig).ecn_reduced, 1);
	/* The next window: its first says CWR, so ECE behind it is new. */
	acked(rig, 0, 1);
	rig_forget_sent(rig);
	acked(rig, ECE, 1);
	assert_int_equal(rig_stats(rig).ecn_reduced, 2);
	assert_int_equal(rig_stats(rig).ecn_ece_in, 11);
}

/* Nothing is on its way, so nothing of ours can have been marked. */
static void echo_of_nothing_reduces_nothing(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = accepted(rig, ECE | CWR, ECE);
	uint64_t before = rig_stats(rig).ecn_reduced;

	rig_next(rig, ACK | ECE, "x", 1);
	rig_turn(rig);
	assert_int_equal(rig_stats(rig).ecn_reduced, before);
	rig_say(rig, session, 1000);
	rig_turn(rig);
	rig_next(rig, ACK | ECE, "x", 1);
	rig_turn(rig);
	assert_int_equal(rig_stats(rig).ecn_reduced, before + 1);
}

/* A loss in the window that a mark has reduced reduces nothing more; one alone says CWR. */
static void losses_and_marks_go_together(void **state)
{
	struct rig *rig = *state;

	rig_say(rig, accepted(rig, ECE | CWR, ECE), 200000);
	rig_turn(rig);
	rig_forget_sent(rig);
	acked(rig, ECE, 1);
	for (unsigned i = 0; i < 3; i++)
		acked(rig, ECE, 0);
	assert_int_equal(rig_stats(rig).retransmit_fast, 1);
	assert_int_equal(rig_expect(rig, ACK)->seq, rig->peer_ack);
	assert_int_equal(rig->sent[0].tos, NOT_ECT);
	acked(rig, ECE, 9);
	rig_forget_sent(rig);
	for (unsigned i = 0; i < 4; i++)
		acked(rig, 0, 1);
	assert_int_equal(rig_stats(rig).ecn_reduced, 1);
	rig->peer_port++;
	rig_forget_sent(rig);
	rig_say(rig, accepted(rig, ECE | CWR, ECE), 200000);
	rig_turn(rig);
	rig_forget_sent(rig);
	for (unsigned i = 0; i < 3; i++)
		acked(rig, 0, 0);
	rig_forget_sent(rig);
	acked(rig, 0, 12);
	assert_int_equal(rig_expect(rig, ACK | CWR)->tos, ECT0);
	rig_expect(rig, ACK);
}

/* Without ECN nobody's flags move the window. */
static void nothing_without_agreement(void **state)
{
	struct rig *rig = *state;

	rig_say(rig, accepted(rig, 0, 0), 200000);
	rig_turn(rig);
	rig_forget_sent(rig);
	acked(rig, ECE, 1);
	assert_int_equal(rig->sent_n, 2);
	rig_expect(rig, ACK);
	assert_int_equal(rig_stats(rig).ecn_ece_in, 0);
}

/* With TSO the segment that says CWR goes alone. */
static void cwr_is_never_cut_by_the_port(void **state)
{
	struct rig *rig;
	unsigned said = 0;

	rig_teardown(state);
	rig_tso_bytes_max = 65536;
	rig_segments_max = 40;
	assert_int_equal(rig_setup(state), 0);
	rig = *state;
	rig_say(rig, accepted(rig, ECE | CWR, ECE), 200000);
	rig_turn(rig);
	rig_forget_sent(rig);
	acked(rig, ECE, 10);
	for (unsigned i = 0; i < rig->sent_n; i++) {
		if (!(rig->sent[i].flags & CWR))
			continue;
		assert_int_equal(rig->sent[i].len, RIG_MSS);
		said++;
	}
	assert_int_equal(said, 1);
	assert_true(rig->sent_n > 1 && rig->sent[1].len > RIG_MSS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(accepted_from_who_asks),
		RIG_TEST(offer_is_taken_back),
		RIG_TEST(asked_for_when_configured),
		RIG_TEST(only_new_data_is_marked),
		RIG_TEST(congestion_is_echoed_until_heard),
		RIG_TEST(what_is_not_echoed),
		RIG_TEST(window_is_reduced_once_a_round_trip),
		RIG_TEST(echo_of_nothing_reduces_nothing),
		RIG_TEST(losses_and_marks_go_together),
		RIG_TEST(nothing_without_agreement),
		RIG_TEST(cwr_is_never_cut_by_the_port),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
