/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A minute of forged SYNs, ten for each that is meant: everybody who answers is served. Each
 * client asks one line a round trip after its SYN, hears one and is closed upon.
 */
#include "rig.h"

#include "eal.h"

enum {
	SECONDS = 60,
	CLIENTS_PER_S = 100,
	FORGED_PER_CLIENT = 10,
	ROUND_MS = 40,
	STEP_US = 1000000 / (CLIENTS_PER_S * FORGED_PER_CLIENT),
	CLIENTS = SECONDS * CLIENTS_PER_S,
	ROUND_STEPS = ROUND_MS * 1000 / STEP_US,
};

struct client {
	struct stream_session base; /* the server's end */
	uint32_t ack, echo;
	bool served;
};

static struct client clients[CLIENTS];
static unsigned opened, closed;

static int app_open(struct stream_app *app, struct stream_transport *transport,
		    struct stream_ref ref, const struct stream_info *info,
		    struct stream_session **session_r)
{
	struct client *client =
		&clients[info->peer_port - 1024 + (info->peer_addr[15] - 2) * (CLIENTS / SECONDS)];

	(void)transport;
	(void)ref;
	client->base.ops = app->ops;
	*session_r = &client->base;
	opened++;
	return 0;
}

static size_t app_consume(struct stream_session *base, const struct span *in, unsigned in_n)
{
	size_t n = 0;

	for (unsigned i = 0; i < in_n; i++)
		n += in[i].len;
	((struct client *)base)->served = true;
	return n;
}

static struct stream_verdict app_produce(struct stream_session *base, struct stream_out *out,
					 const struct stream_budget *budget)
{
	(void)budget;
	if (!((struct client *)base)->served)
		return (struct stream_verdict){STREAM_DONE, 0};
	stream_put(out, (struct span){(const uint8_t *)"BYE", 3});
	return (struct stream_verdict){STREAM_CLOSE, 0};
}

static void app_nothing(struct stream_session *base)
{
	(void)base;
}

static void app_closed(struct stream_session **base, enum stream_reason reason)
{
	assert_int_equal(reason, STREAM_CLOSED);
	closed++;
	*base = NULL;
}

/* A new address each second, and the ports that follow each other. */
static void client_be(struct rig *rig, unsigned number)
{
	const struct client *client = &clients[number];

	rig->peer_addr[15] = (uint8_t)(2 + number / CLIENTS_PER_S);
	rig->peer_port = (uint16_t)(1024 + number % CLIENTS_PER_S);
	rig->peer_options = (struct options){.mss = 1460,
					     .scaling = true,
					     .shift = 7,
					     .sack_permitted = true,
					     .timestamps = true,
					     .value = (uint32_t)(rig->clock.mono_ns / 1000000),
					     .echo = client->echo};
}

static void client_opens(struct rig *rig, unsigned number)
{
	const struct rig_segment *answer;

	client_be(rig, number);
	rig_forget_sent(rig);
	rig_segment(rig, SYN, number, 0, NULL, 0);
	answer = rig_expect(rig, SYN | ACK);
	clients[number].ack = answer->seq + 1;
	clients[number].echo = answer->options.value;
}

static void client_asks(struct rig *rig, unsigned number)
{
	struct client *client = &clients[number];

	client_be(rig, number);
	rig_forget_sent(rig);
	rig_segment(rig, ACK | PSH, number + 1, client->ack, "LOGOUT", 6);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, FIN | ACK)->len, 3);
	client_be(rig, number);
	rig_segment(rig, FIN | ACK, number + 7, client->ack + 4, NULL, 0);
	rig_turn(rig);
}

static void forged_syn(struct rig *rig, uint32_t number)
{
	uint32_t mixed = number * 2654435761U;

	memcpy(rig->peer_addr + 12,
	       (const uint8_t[4]){10, (uint8_t)(mixed >> 24), (uint8_t)(mixed >> 16),
				  (uint8_t)number},
	       4);
	rig->peer_port = (uint16_t)(mixed | 1);
	rig->peer_options = (struct options){.mss = 1460};
	rig_forget_sent(rig);
	rig_segment(rig, SYN, mixed, 0, NULL, 0);
	memcpy(rig->peer_addr, rig_peer_addr, 16);
}

static void everybody_is_served(void **state)
{
	static const struct stream_app_ops ops = {app_open,    app_consume, app_produce,
						  app_nothing, app_nothing, app_nothing,
						  app_closed};
	struct rig *rig = *state;

	rig->app.ops = &ops;
	rig->crowd = true;
	for (uint32_t step = 0; step < CLIENTS * FORGED_PER_CLIENT + ROUND_STEPS; step++) {
		uint32_t asks = step - ROUND_STEPS;

		rig->clock.mono_ns += STEP_US * 1000;
		rig_forget_sent(rig);
		rig_turn(rig);
		forged_syn(rig, step);
		if (step % FORGED_PER_CLIENT == 0 && step / FORGED_PER_CLIENT < CLIENTS)
			client_opens(rig, step / FORGED_PER_CLIENT);
		if (step >= ROUND_STEPS && asks % FORGED_PER_CLIENT == 0)
			client_asks(rig, asks / FORGED_PER_CLIENT);
		assert_true(rig_stats(rig).syn_received <= rig_config.syn_received_max);
	}
	assert_int_equal(opened, CLIENTS);
	assert_int_equal(closed, CLIENTS);
	assert_in_range(rig_stats(rig).cookies_accepted, CLIENTS / 2, CLIENTS);
	assert_int_equal(rig_stats(rig).cookies_failed, 0);
}

static int small(void **state)
{
	rig_config.syn_received_max = 64;
	rig_config.source_syn_received_max = 16;
	rig_config.source_connections_max = 8;
	rig_config.source_syns_per_s = 200;
	return rig_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(everybody_is_served, small, rig_teardown),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
