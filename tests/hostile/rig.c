/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum {
	BURST = 64,
	ETHERNET = 14,
	IPV4 = 20,
	WITNESS_SAYS = 200,
	SESSIONS_MAX = CONNECTIONS_MAX,
	TURNS_MAX = 64, /* until nothing more leaves at one moment */
};

static const uint8_t witness_mac[6] = {0x02, 0, 0, 0, 0, 0x09};

/* --- The application: echoes, or says much and closes --- */

struct session {
	struct stream_session base;
	struct stream_transport *transport;
	struct stream_ref ref;
	bool used, ended;
	uint8_t kept[2 * WINDOW];
	size_t kept_n, left;
};

static struct session *sessions;

static size_t consume(struct stream_session *base, const struct span *in, unsigned n)
{
	struct session *session = (struct session *)base;
	size_t taken = 0;

	for (unsigned k = 0; k < n; k++) {
		size_t room = sizeof(session->kept) - session->kept_n;
		size_t len = in[k].len < room ? in[k].len : room;

		memcpy(session->kept + session->kept_n, in[k].ptr, len);
		session->kept_n += len;
		taken += len;
	}
	return taken;
}

static struct stream_verdict echo_produce(struct stream_session *base, struct stream_out *out,
					  const struct stream_budget *budget)
{
	struct session *session = (struct session *)base;
	size_t n = stream_put(out, (struct span){session->kept, session->kept_n});

	(void)budget;
	memmove(session->kept, session->kept + n, session->kept_n - n);
	session->kept_n -= n;
	if (session->kept_n > 0)
		return (struct stream_verdict){STREAM_MORE, 0};
	return (struct stream_verdict){session->ended ? STREAM_CLOSE : STREAM_DONE, 0};
}

static struct stream_verdict says_produce(struct stream_session *base, struct stream_out *out,
					  const struct stream_budget *budget)
{
	static const uint8_t text[4096];
	struct session *session = (struct session *)base;
	size_t n = session->left < sizeof(text) ? session->left : sizeof(text);

	(void)budget;
	session->left -= stream_put(out, (struct span){text, n});
	return (struct stream_verdict){session->left > 0 ? STREAM_MORE : STREAM_CLOSE, 0};
}

static void expire(struct stream_session *base)
{
	(void)base;
}

static void end(struct stream_session *base)
{
	((struct session *)base)->ended = true;
}

static void closed(struct stream_session **base, enum stream_reason reason)
{
	(void)reason;
	((struct session *)*base)->used = false;
	*base = NULL;
}

static int session_open(struct stream_app *app, struct stream_transport *transport,
			struct stream_ref ref, const struct stream_info *info,
			struct stream_session **session_r)
{
	(void)info;
	for (unsigned k = 0; k < SESSIONS_MAX; k++) {
		if (sessions[k].used)
			continue;
		sessions[k].base.ops = app->ops;
		sessions[k].transport = transport;
		sessions[k].ref = ref;
		sessions[k].used = true;
		sessions[k].ended = false;
		sessions[k].kept_n = 0;
		sessions[k].left = SAYS_BYTES;
		*session_r = &sessions[k].base;
		return 0;
	}
	return -1;
}

static const struct stream_app_ops echo_ops = {.open = session_open,
					       .consume = consume,
					       .produce = echo_produce,
					       .expire = expire,
					       .drain = expire,
					       .end = end,
					       .closed = closed};
static const struct stream_app_ops says_ops = {.open = session_open,
					       .consume = consume,
					       .produce = says_produce,
					       .expire = expire,
					       .drain = expire,
					       .end = end,
					       .closed = closed};

/* --- The rig --- */

static uint64_t tcp_random(struct tcp_env *env)
{
	(void)env;
	return hostile_random();
}

static struct hostile *current;

static void icmp_error(struct net_env *env, uint8_t type, uint8_t code, uint32_t mtu,
		       struct span quoted)
{
	(void)env;
	tcp_icmp(current->tcp, type, code, mtu, quoted);
}

static void neighbour_put(struct hostile *h, uint32_t ip, const uint8_t mac[6])
{
	struct net_neighbour neighbour = {.ip = ip, .port = &h->world->port};

	memcpy(neighbour.mac, mac, sizeof(neighbour.mac));
	net_neighbour_put(h->world->net, &neighbour);
}

static void listen_at(struct hostile *h, uint16_t port, struct stream_app *app)
{
	static const uint8_t any[16];

	assert_int_equal(tcp_listen(h->tcp, any, port, app), 0);
}

int hostile_setup(void **state)
{
	struct tcp_config config = {.connections_max = CONNECTIONS_MAX,
				    .listeners_max = 2,
				    .syn_received_max = SYN_RECEIVED_MAX,
				    .time_wait_max = 256,
				    .source_connections_max = CONNECTIONS_MAX / 4,
				    .source_syn_received_max = SYN_RECEIVED_MAX / 4,
				    .receive_bytes_max = WINDOW,
				    .send_bytes_max = 256 << 10,
				    .packet_memory_bytes = PACKET_MEMORY,
				    .quantum_ns = 50000,
				    .congestion = TCP_NEWRENO,
				    .socket = -1,
				    .secret = "hostile",
				    .name = "hostile"};
	struct hostile *h = calloc(1, sizeof(*h));
	void *world;
	int status = world_setup(&world);

	sessions = calloc(SESSIONS_MAX, sizeof(*sessions));
	current = h;
	h->world = world;
	h->world->env.icmp_error = icmp_error;
	h->tcp_env = (struct tcp_env){&h->world->clock, &h->world->log, net_tcp_wire(h->world->net),
				      tcp_random};
	h->echo.ops = &echo_ops;
	h->says.ops = &says_ops;
	*state = h;
	if (status != 0 || tcp_create(&config, &h->tcp_env, &h->tcp) != 0)
		return -1;
	listen_at(h, SERVICE, &h->echo);
	listen_at(h, SAYS, &h->says);
	neighbour_put(h, WITNESS, witness_mac);
	neighbour_put(h, PEER, peer_mac);
	neighbour_put(h, GATEWAY, other_mac);
	h->witness = (struct plug){
		.ip = WITNESS, .port = 50000, .service = SERVICE, .seq = 77, .window = WINDOW};
	hostile_open(h, &h->witness);
	hostile_witness(h);
	hostile_listen(h, NULL);
	world_mark(h->world);
	tcp_stats(h->tcp, &h->before);
	h->sent_n = 0;
	h->sent_bytes = 0;
	return 0;
}

int hostile_teardown(void **state)
{
	static const char *const pools[] = {"hostile_large", "hostile_small", "hostile_headers",
					    "hostile_slices", "hostile_pieces"};
	struct hostile *h = *state;
	void *world = h->world;

	hostile_witness(h);
	hostile_sleep(h, 10000); /* what waits for neighbours that are not there is given up */
	world_sent_free(h->world);
	tcp_destroy(&h->tcp);
	world_sent_free(h->world);
	/* A pool that is still there was not full. */
	for (size_t k = 0; k < sizeof(pools) / sizeof(pools[0]); k++)
		assert_null(rte_mempool_lookup(pools[k]));
	free(sessions);
	free(h);
	return world_teardown(&world);
}

/* --- What leaves --- */

static void got_read(struct hostile *h, const struct rte_mbuf *frame)
{
	uint8_t copy[2048];
	const uint8_t *at = rte_pktmbuf_read(frame, 0, frame->pkt_len, copy);
	const uint8_t *tcp = at + ETHERNET + IPV4;
	size_t header;
	struct got *got;

	if (bytes_get16(at + 12) != 0x0800 || at[ETHERNET + 9] != IPPROTO_TCP ||
	    bytes_get32(at + ETHERNET + 16) != h->listened_ip ||
	    bytes_get16(tcp + 2) != h->listened_port)
		return;
	assert_in_range(h->got_n - h->got_at, 0, sizeof(h->got) / sizeof(h->got[0]) - 1);
	got = &h->got[h->got_n++ % (sizeof(h->got) / sizeof(h->got[0]))];
	header = (tcp[12] >> 4) * 4u;
	*got = (struct got){.seq = bytes_get32(tcp + 4),
			    .ack = bytes_get32(tcp + 8),
			    .window = bytes_get16(tcp + 14),
			    .flags = tcp[13],
			    .len = frame->pkt_len - ETHERNET - IPV4 - header,
			    .options_n = header - 20};
	memcpy(got->options, tcp + 20, got->options_n);
	memcpy(got->bytes, tcp + header, got->len);
}

/* Who is asked for, if the frame is an ARP request; 0: it is not. */
static uint32_t arp_asked(const struct rte_mbuf *frame)
{
	const uint8_t *at = rte_pktmbuf_mtod(frame, const uint8_t *);
	bool request = frame->data_len >= ETHERNET + 28 && bytes_get16(at + 12) == 0x0806 &&
		       bytes_get16(at + ETHERNET + 6) == 1;

	return request ? bytes_get32(at + ETHERNET + 24) : 0;
}

/* The three who are there answer. */
static void arp_answer(struct hostile *h, uint32_t ip)
{
	const uint8_t *mac = ip == WITNESS   ? witness_mac
			     : ip == PEER    ? peer_mac
			     : ip == GATEWAY ? other_mac
					     : NULL;
	struct bytes frame = {.len = 0};

	if (mac == NULL)
		return;
	bytes_ethernet(&frame, our_mac, mac, 0x0806);
	bytes_arp(&frame, 2, mac, ip, US);
	hostile_frame(h, &frame);
}

static void sent_take(struct hostile *h)
{
	struct port *port = &h->world->port;
	uint32_t asked[8] = {0};
	unsigned asked_n = 0;

	for (unsigned k = 0; k < port->sent_n; k++) {
		uint32_t ip = arp_asked(port->sent[k]);

		h->sent_bytes += port->sent[k]->pkt_len;
		if (ip != 0)
			asked[asked_n++ % 8] = ip;
		else if (h->listened_ip != 0)
			got_read(h, port->sent[k]);
	}
	h->sent_n += port->sent_n;
	rte_pktmbuf_free_bulk(port->sent, port->sent_n);
	port->sent_n = 0;
	for (unsigned k = 0; k < 8; k++)
		arp_answer(h, asked[k]);
}

void hostile_turn(struct hostile *h)
{
	bool more = true;

	for (unsigned turn = 0; more && turn < TURNS_MAX; turn++) {
		tcp_advance(h->tcp);
		more = tcp_produce(h->tcp, h->world->clock.mono_ns + 1);
		net_advance(h->world->net);
		net_flush(h->world->net);
		more |= h->world->port.sent_n > 0; /* an answer to ARP lets out what waited */
		sent_take(h);
	}
}

void hostile_frame(struct hostile *h, const struct bytes *bytes)
{
	struct rte_mbuf *packet =
		world_input(h->world, world_frame(h->world, bytes->at, bytes->len, 0));

	if (packet != NULL)
		tcp_input(h->tcp, &packet, 1);
	if (h->world->port.sent_n >= BURST)
		sent_take(h);
}

void hostile_sleep(struct hostile *h, uint64_t ms)
{
	const uint64_t until_ns = h->world->clock.mono_ns + ms * 1000000;

	while (h->world->clock.mono_ns < until_ns) {
		uint64_t next_ns = RTE_MIN(tcp_next_ns(h->tcp), net_next_ns(h->world->net));

		if (next_ns <= h->world->clock.mono_ns)
			next_ns = h->world->clock.mono_ns + 1000;
		h->world->clock.mono_ns = next_ns < until_ns ? next_ns : until_ns;
		hostile_turn(h);
	}
}

/* --- What comes --- */

struct bytes hostile_tcp(const struct plug *plug, uint8_t flags, uint32_t seq, uint32_t ack,
			 const void *payload, size_t len)
{
	const size_t options = (plug->options_n + 3) / 4 * 4, total = 20 + options + len;
	struct bytes bytes = {.len = 0};
	uint8_t pseudo[12], *at;

	bytes_ethernet(&bytes, our_mac, plug->ip == WITNESS ? witness_mac : peer_mac, 0x0800);
	bytes_ipv4(&bytes, plug->ip, US, 6, total);
	at = bytes.at + bytes.len;
	bytes.len += total;
	memset(at, 0, 20 + options);
	bytes_put16(at, plug->port);
	bytes_put16(at + 2, plug->service);
	bytes_put32(at + 4, seq);
	bytes_put32(at + 8, ack);
	at[12] = (uint8_t)((20 + options) / 4 << 4);
	at[13] = flags;
	bytes_put16(at + 14, plug->window);
	memcpy(at + 20, plug->options, plug->options_n);
	if (len > 0)
		memcpy(at + 20 + options, payload, len);
	bytes_put32(pseudo, plug->ip);
	bytes_put32(pseudo + 4, US);
	bytes_put16(pseudo + 8, 6);
	bytes_put16(pseudo + 10, (uint16_t)total);
	bytes_put16(at + 16, (uint16_t)~plain_sum(at, total, plain_sum(pseudo, 12, 0)));
	return bytes;
}

void hostile_segment(struct hostile *h, const struct plug *plug, uint8_t flags, uint32_t seq,
		     uint32_t ack, const void *payload, size_t len)
{
	const struct bytes bytes = hostile_tcp(plug, flags, seq, ack, payload, len);

	hostile_frame(h, &bytes);
	hostile_turn(h);
}

void hostile_listen(struct hostile *h, const struct plug *plug)
{
	h->listened_ip = plug != NULL ? plug->ip : 0;
	h->listened_port = plug != NULL ? plug->port : 0;
	h->got_n = h->got_at = 0;
}

const struct got *hostile_got(struct hostile *h)
{
	if (h->got_at == h->got_n)
		return NULL;
	return &h->got[h->got_at++ % (sizeof(h->got) / sizeof(h->got[0]))];
}

struct plug hostile_attacker(uint16_t port, uint16_t service)
{
	return (struct plug){
		.ip = PEER, .port = port, .service = service, .seq = 5000, .window = WINDOW};
}

/* The first two steps of a handshake. */
static void plug_syn(struct hostile *h, struct plug *plug)
{
	const struct got *got;

	hostile_listen(h, plug);
	hostile_segment(h, plug, SYN, plug->seq, 0, NULL, 0);
	got = hostile_got(h);
	assert_non_null(got);
	assert_int_equal(got->flags & (SYN | ACK | RST), SYN | ACK);
	plug->seq++;
	plug->ack = got->seq + 1;
}

void hostile_open(struct hostile *h, struct plug *plug)
{
	plug_syn(h, plug);
	hostile_segment(h, plug, ACK, plug->seq, plug->ack, NULL, 0);
}

void hostile_open_with(struct hostile *h, struct plug *plug, const uint8_t *options, size_t n)
{
	memcpy(plug->options, options, n);
	plug->options_n = n;
	plug_syn(h, plug);
	plug->options_n = 0;
	hostile_segment(h, plug, ACK, plug->seq, plug->ack, NULL, 0);
}

void hostile_witness(struct hostile *h)
{
	struct plug *witness = &h->witness;
	uint8_t said[WITNESS_SAYS];
	const struct got *got;

	/* What a flood used up for a moment is there again. */
	hostile_sleep(h, 5);
	for (size_t k = 0; k < sizeof(said); k++)
		said[k] = (uint8_t)(h->witnessed + k);
	hostile_listen(h, witness);
	hostile_segment(h, witness, ACK | PSH, witness->seq, witness->ack, said, sizeof(said));
	witness->seq += WITNESS_SAYS;
	got = hostile_got(h);
	assert_non_null(got);
	assert_int_equal(got->flags & (SYN | RST | FIN), 0);
	assert_int_equal(got->seq, witness->ack);
	assert_int_equal(got->ack, witness->seq);
	assert_int_equal(got->len, sizeof(said));
	assert_memory_equal(got->bytes, said, sizeof(said));
	assert_null(hostile_got(h));
	witness->ack += WITNESS_SAYS;
	h->witnessed += WITNESS_SAYS;
	hostile_segment(h, witness, ACK, witness->seq, witness->ack, NULL, 0);
	hostile_listen(h, NULL);
}

struct net_stats hostile_net(const struct hostile *h)
{
	return world_grown(h->world);
}

struct tcp_stats hostile_grown(const struct hostile *h)
{
	struct tcp_stats now;

	tcp_stats(h->tcp, &now);
#define TCP_COUNTER_SUBTRACT(name) now.name -= h->before.name;
	TCP_COUNTERS(TCP_COUNTER_SUBTRACT)
#undef TCP_COUNTER_SUBTRACT
	return now;
}

uint32_t hostile_random(void)
{
	static uint64_t state = 7;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 32);
}
