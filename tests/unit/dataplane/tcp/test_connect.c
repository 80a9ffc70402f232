/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <errno.h>

#include "eal.h"

static void open_failed(struct stream_app *app, struct stream_ref ref, enum stream_reason reason)
{
	struct rig *rig = (struct rig *)((uint8_t *)app - offsetof(struct rig, app));

	(void)ref;
	rig->failures++;
	rig->failure = reason;
}

/* Opens from the rig's port, so that rig_segment() speaks for the other end. */
static uint32_t opening(struct rig *rig)
{
	const struct rig_segment *s;
	struct stream_ref ref;

	assert_int_equal(tcp_connect(rig->tcp, rig_addr, RIG_PORT, rig_peer_addr, rig->peer_port,
				     &rig->app, open_failed, &ref),
			 0);
	s = rig_expect(rig, SYN);
	assert_int_equal(s->options.mss, 1460);
	assert_true(s->options.scaling && s->options.timestamps);
	rig->peer_ack = s->seq + 1;
	rig->peer_seq = RIG_PEER_ISN;
	return s->seq;
}

static void open_established(void **state)
{
	struct rig *rig = *state;

	opening(rig);
	rig->peer_options.scaling = true;
	rig->peer_options.shift = 2;
	rig_next(rig, SYN | ACK, NULL, 0);
	assert_int_equal(rig->sessions_n, 1);
	assert_int_equal(rig->sessions[0].info.peer_port, RIG_PEER_PORT);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->ack, RIG_PEER_ISN + 1);
	assert_int_equal(rig_stats(rig).opened_active, 1);
	/* The window of the SYN was not scaled, that of the next segment is. */
	rig->peer_window = 500;
	rig_next(rig, ACK | PSH, "* OK", 4);
	rig_say(rig, &rig->sessions[0], 5000);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->len, RIG_MSS);
	/* Sender's silly windows: the 540 bytes that are left stay. */
	rig_silent(rig);
}

static void request_goes_with_the_third_step(void **state)
{
	struct rig *rig = *state;

	memcpy(rig->sessions[0].out, "a login", 7);
	rig->sessions[0].out_n = 7;
	opening(rig);
	rig_next(rig, SYN | ACK, NULL, 0);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->len, 7);
	rig_silent(rig);
}

static void data_with_the_second_step(void **state)
{
	struct rig *rig = *state;

	opening(rig);
	rig_next(rig, SYN | ACK, "hello", 5);
	assert_int_equal(rig->sessions[0].in_n, 5);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->ack, RIG_PEER_ISN + 6);
}

static void refused(void **state)
{
	struct rig *rig = *state;
	uint32_t isn = opening(rig);

	/* Only a RST that acknowledges our SYN is believed. */
	rig_segment(rig, RST, 0, 0, NULL, 0);
	rig_segment(rig, RST | ACK, 0, isn, NULL, 0);
	rig_segment(rig, RST | ACK, 0, isn + 2, NULL, 0);
	assert_int_equal(rig->failures, 0);
	rig_segment(rig, RST | ACK, 0, isn + 1, NULL, 0);
	assert_int_equal(rig->failures, 1);
	assert_int_equal(rig->failure, STREAM_REFUSED);
	assert_int_equal(rig_stats(rig).connections, 0);
	rig_silent(rig);
}

static void nobody_answers(void **state)
{
	struct rig *rig = *state;
	uint32_t isn = opening(rig);

	for (unsigned i = 0; i < 5; i++) {
		rig_sleep(rig, 1000U << i);
		rig_sleep(rig, 1);
		assert_int_equal(rig_expect(rig, SYN)->seq, isn);
	}
	rig_sleep(rig, 40000);
	rig_silent(rig);
	assert_int_equal(rig->failures, 1);
	assert_int_equal(rig->failure, STREAM_TIMEOUT);
}

/* A lost SYN: one segment at first (RFC 5681 3.1). */
static void lost_syn_starts_slowly(void **state)
{
	struct rig *rig = *state;

	opening(rig);
	rig_sleep(rig, 1001);
	rig_expect(rig, SYN);
	rig_next(rig, SYN | ACK, NULL, 0);
	rig_say(rig, &rig->sessions[0], 10000);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->len, RIG_MSS);
	rig_silent(rig);
}

static void wrong_answer_is_reset(void **state)
{
	struct rig *rig = *state;
	uint32_t isn = opening(rig);

	rig_segment(rig, SYN | ACK, 5000, isn, NULL, 0);
	assert_int_equal(rig_expect(rig, RST)->seq, isn);
	rig_segment(rig, ACK, 5000, isn + 9, NULL, 0);
	assert_int_equal(rig_expect(rig, RST)->seq, isn + 9);
	assert_int_equal(rig->sessions_n, 0);
	assert_int_equal(rig_stats(rig).connections, 1);
}

/* RFC 9293 3.5, figure 7. */
static void both_open_at_once(void **state)
{
	struct rig *rig = *state;
	uint32_t isn = opening(rig);
	const struct rig_segment *s;

	rig_next(rig, SYN, NULL, 0);
	s = rig_expect(rig, SYN | ACK);
	assert_int_equal(s->seq, isn);
	assert_int_equal(s->ack, RIG_PEER_ISN + 1);
	assert_int_equal(rig->sessions_n, 0);
	/* Their answer repeats the SYN before the window: it is told that we have it. */
	rig_segment(rig, SYN | ACK, RIG_PEER_ISN, isn + 1, NULL, 0);
	assert_int_equal(rig_expect(rig, ACK)->ack, RIG_PEER_ISN + 1);
	rig_next(rig, ACK, NULL, 0);
	assert_int_equal(rig->sessions_n, 1);
	assert_int_equal(rig_stats(rig).opened_active, 1);
}

static void ports_are_distinct(void **state)
{
	struct rig *rig = *state;
	struct stream_ref ref;
	uint16_t ports[8];

	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(tcp_connect(rig->tcp, rig_addr, 0, rig_peer_addr, 143, &rig->app,
					     open_failed, &ref),
				 0);
		ports[i] = rig_expect(rig, SYN)->port;
		assert_true(ports[i] >= 1024);
		for (unsigned k = 0; k < i; k++)
			assert_int_not_equal(ports[i], ports[k]);
	}
	assert_int_equal(tcp_connect(rig->tcp, rig_addr, 0, rig_peer_addr, 143, &rig->app,
				     open_failed, &ref),
			 -ENOBUFS);
	assert_int_equal(tcp_connect(rig->tcp, rig_addr, ports[0], rig_peer_addr, 143, &rig->app,
				     open_failed, &ref),
			 -EADDRNOTAVAIL);
}

static void limits_are_checked(void **state)
{
	struct rig *rig = *state;
	struct tcp *tcp = NULL;
	struct tcp_config config = rig_config;

	config.name = "other";
	config.connections_max = 0;
	assert_int_equal(tcp_create(&config, &rig->env, &tcp), -EINVAL);
	config = rig_config;
	config.name = "other";
	config.send_bytes_max = 100;
	assert_int_equal(tcp_create(&config, &rig->env, &tcp), -EINVAL);
	config = rig_config;
	config.name = "other";
	config.congestion = TCP_CUBIC + 1;
	assert_int_equal(tcp_create(&config, &rig->env, &tcp), -ENOTSUP);
	assert_null(tcp);
	config.congestion = TCP_NEWRENO;
	config.connections_max = 100000000; /* no such memory here */
	assert_int_equal(tcp_create(&config, &rig->env, &tcp), -ENOMEM);
	assert_null(tcp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(open_established),
		RIG_TEST(request_goes_with_the_third_step),
		RIG_TEST(data_with_the_second_step),
		RIG_TEST(refused),
		RIG_TEST(nobody_answers),
		RIG_TEST(lost_syn_starts_slowly),
		RIG_TEST(wrong_answer_is_reset),
		RIG_TEST(both_open_at_once),
		RIG_TEST(ports_are_distinct),
		RIG_TEST(limits_are_checked),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
