/* SPDX-License-Identifier: Apache-2.0 */
/* The promises of include/stream.h, and the timers that sessions live by. */
#include "rig.h"

#include "eal.h"

static void produce_follows_every_call(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);
	struct stream_transport *transport = tcp_transport(rig->tcp);
	unsigned before = session->produced;

	rig_next(rig, ACK, "x", 1);
	rig_turn(rig);
	assert_int_equal(session->produced, before + 1);
	transport->ops->wake(transport, session->ref);
	transport->ops->wake(transport, session->ref);
	rig_turn(rig);
	assert_int_equal(session->produced, before + 2);
	rig_turn(rig);
	assert_int_equal(session->produced, before + 2);
	rig_next(rig, ACK | FIN, NULL, 0);
	assert_int_equal(session->ended, 1);
	rig_turn(rig);
	assert_int_equal(session->produced, before + 3);
}

static void wake_from_inside_counts(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);
	unsigned before = session->produced;

	session->wakes_in_produce = 3;
	rig_say(rig, session, 10);
	rig_turn(rig);
	rig_turn(rig);
	assert_int_equal(session->produced, before + 4);
}

static void session_timer(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);
	struct stream_transport *transport = tcp_transport(rig->tcp);

	transport->ops->timer(transport, session->ref, 500);
	transport->ops->timer(transport, session->ref, 1000); /* moves it */
	rig_sleep(rig, 990);
	assert_int_equal(session->expired, 0);
	rig_sleep(rig, 11);
	assert_int_equal(session->expired, 1);
	rig_sleep(rig, 5000);
	assert_int_equal(session->expired, 1);
	transport->ops->timer(transport, session->ref, 100);
	transport->ops->timer(transport, session->ref, 0);
	rig_sleep(rig, 500);
	assert_int_equal(session->expired, 1);
	transport->ops->timer(transport, session->ref, UINT32_MAX); /* 49 days */
	rig_sleep(rig, 1000);
	assert_int_equal(session->expired, 1);
}

static void old_refs_are_ignored(void **state)
{
	struct rig *rig = *state;
	struct rig_session *first = rig_accept(rig), *second;
	struct stream_transport *transport = tcp_transport(rig->tcp);
	struct stream_ref beyond = {1000000, 0};

	assert_ptr_equal(transport->ops->find(transport, first->ref), &first->base);
	rig_segment(rig, RST, rig->peer_seq, 0, NULL, 0);
	assert_null(transport->ops->find(transport, first->ref));
	second = rig_accept(rig);
	assert_int_equal(second->ref.index, first->ref.index);
	assert_int_not_equal(second->ref.generation, first->ref.generation);
	transport->ops->abort(transport, first->ref);
	transport->ops->wake(transport, first->ref);
	transport->ops->timer(transport, first->ref, 1);
	transport->ops->abort(transport, beyond);
	rig_sleep(rig, 10);
	assert_int_equal(second->closed, 0);
	assert_int_equal(first->expired + second->expired, 0);
}

static void drain_goes_to_everyone_in_portions(void **state)
{
	struct rig *rig = *state;
	unsigned drained = 0;

	for (unsigned i = 0; i < 5; i++, rig->peer_port++)
		rig_accept(rig);
	tcp_drain(rig->tcp, 2, 0);
	for (unsigned turn = 1; turn <= 3; turn++) {
		assert_true(tcp_next_ns(rig->tcp) <= rig->clock.mono_ns);
		rig_turn(rig);
		drained = 0;
		for (unsigned i = 0; i < 5; i++)
			drained += rig->sessions[i].drained;
		assert_int_equal(drained, turn * 2 < 5 ? turn * 2 : 5);
	}
	rig_turn(rig);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(rig->sessions[i].drained, 1);
}

/* Ten a second: the first at once, each other a tenth of a second later, also if the core has slept
 * until now. */
static void drain_keeps_its_pace(void **state)
{
	struct rig *rig = *state;

	for (unsigned i = 0; i < 5; i++, rig->peer_port++)
		rig_accept(rig);
	rig->clock.mono_ns += 350000000;
	tcp_drain(rig->tcp, 64, 10);
	for (unsigned told = 1; told <= 5; told++) {
		unsigned drained = 0;

		rig_turn(rig);
		for (unsigned i = 0; i < 5; i++)
			drained += rig->sessions[i].drained;
		assert_int_equal(drained, told);
		if (told < 5)
			assert_in_range(tcp_next_ns(rig->tcp) - rig->clock.mono_ns, 1, 100000000);
		rig_sleep(rig, 100);
	}
}

enum { CROWD = 100 };

static int crowd_setup(void **state)
{
	rig_config.connections_max = CROWD;
	return rig_setup(state);
}

/* However many wait for room on the wire, a turn looks at few; and who waits longest goes first. */
static void a_full_wire_is_asked_for_few(void **state)
{
	struct rig *rig = *state;

	for (unsigned i = 0; i < CROWD; i++, rig->peer_port++)
		rig_accept(rig);
	rig->wire.full = 1;
	for (unsigned i = 0; i < CROWD; i++)
		rig_say(rig, &rig->sessions[i], 10);
	rig_turn(rig);
	rig_silent(rig);
	for (unsigned turn = 0; turn < 4; turn++) {
		rig->asked_full = 0;
		rig_turn(rig);
		assert_in_range(rig->asked_full, 1, 64);
	}
	rig->wire.full = 0;
	for (unsigned turn = 0; turn < 2; turn++)
		rig_turn(rig);
	for (unsigned i = 0; i < CROWD; i++)
		assert_int_equal(rig_expect(rig, ACK)->peer_port,
				 RIG_PEER_PORT + (i + 4 * 64) % CROWD);
	rig_silent(rig);
}

static void abort_resets(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);
	struct stream_transport *transport = tcp_transport(rig->tcp);

	transport->ops->abort(transport, session->ref);
	assert_int_equal(session->closed, 0);
	rig_turn(rig);
	assert_int_equal(session->reason, STREAM_ABORTED);
	assert_int_equal(rig_expect(rig, RST | ACK)->seq, rig->peer_ack);
	assert_null(transport->ops->find(transport, session->ref));
}

static void keepalive(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	rig_sleep(rig, 7100000);
	rig_silent(rig);
	rig_next(rig, ACK, "x", 1); /* heard of: two hours from now */
	rig_turn(rig);
	rig_forget_sent(rig);
	rig_sleep(rig, 7190000);
	rig_silent(rig);
	rig_sleep(rig, 20000);
	assert_int_equal(rig_expect(rig, ACK)->seq, rig->peer_ack - 1);
	rig_next(rig, ACK, NULL, 0); /* there it is */
	rig_sleep(rig, 7150000);
	rig_silent(rig);
	rig_sleep(rig, 3600000);
	assert_int_equal(session->closed, 1);
	assert_int_equal(session->reason, STREAM_TIMEOUT);
	for (unsigned i = 0; i < 9; i++)
		rig_expect(rig, ACK);
	rig_expect(rig, RST | ACK);
	rig_silent(rig);
}

static void destroyed_sessions_are_told(void **state)
{
	struct rig *rig = *state;

	rig_accept(rig);
	rig->peer_port++;
	rig_accept(rig);
	rig_say(rig, &rig->sessions[1], 50000);
	rig_turn(rig);
	tcp_destroy(&rig->tcp);
	assert_null(rig->tcp);
	assert_int_equal(rig->sessions[0].reason, STREAM_ABORTED);
	assert_int_equal(rig->sessions[1].reason, STREAM_ABORTED);
	assert_int_equal(tcp_create(&rig_config, &rig->env, &rig->tcp), 0);
}

/* An idle connection holds neither packet memory nor a place in any list. */
static void idle_costs_nothing(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	rig_say(rig, session, 20000);
	for (unsigned i = 0; i < 20; i++) {
		rig_turn(rig);
		for (; rig->sent_at < rig->sent_n; rig->sent_at++)
			rig->peer_ack += rig->sent[rig->sent_at].len;
		rig_next(rig, ACK, NULL, 0);
	}
	rig_turn(rig);
	rig_sleep(rig, 1000);
	assert_true(tcp_next_ns(rig->tcp) > rig->clock.mono_ns + 1000000000);
	assert_int_equal(session->out_at, 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(produce_follows_every_call),
		RIG_TEST(wake_from_inside_counts),
		RIG_TEST(session_timer),
		RIG_TEST(old_refs_are_ignored),
		RIG_TEST(drain_goes_to_everyone_in_portions),
		RIG_TEST(drain_keeps_its_pace),
		cmocka_unit_test_setup_teardown(a_full_wire_is_asked_for_few, crowd_setup,
						rig_teardown),
		RIG_TEST(abort_resets),
		RIG_TEST(keepalive),
		RIG_TEST(destroyed_sessions_are_told),
		RIG_TEST(idle_costs_nothing),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
