/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays sequences of hand-made segments to several TCPs at once and prints what each answers.
 *
 *     player --target DEV,ADDRESS [--target DEV,ADDRESS] [--parallel N] [--step-ms N]
 *            [--first N] <LINES
 *
 * Reads sequences (sequence.h), one a line. Each is played to every target, step by step, many
 * sequences side by side, each from an address and port of its own (198.19.0.0/16), for which we
 * answer as the gateway 198.18.0.254; --first is how many went before, so that none comes again.
 * For each sequence and target a line comes out:
 *
 *     NAME TARGET STEP STEP ...
 *
 * with NAME as given, the number of the target, and for each step what came until the next one:
 * answers as in run.h with their milliseconds before them, then where the target's stream stands.
 * "2~A:1:11:0:+:|SENT/ACKED/DIGEST", answers separated by ;.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "run.h"

enum {
	TARGETS_MAX = 2,
	GAMES_MAX = 4096,
	PORT_FIRST = 1024,
	SOCKET_BYTES = 32 << 20,
	LINE_BYTES_MAX = 8192,
	TOLD_BYTES_MAX = 8192,
	START_MS = 1, /* between two beginnings at least: their answers share a core */
};

static const uint32_t gateway = 0xc61200fe; /* 198.18.0.254 */
static const uint32_t sources = 0xc6130001; /* 198.19.0.1 */

struct target {
	const char *device;
	struct in_addr address;
	int fd;
	uint8_t own[ETH_ALEN], peer[ETH_ALEN];
};

/* What one target has answered in one game. */
struct told {
	char text[TOLD_BYTES_MAX];
	size_t n;
};

/* One sequence under way at all targets. */
struct game {
	bool busy;
	struct sequence sequence;
	unsigned step; /* the next */
	uint64_t next_ms, sent_ms;
	struct run runs[TARGETS_MAX];
	struct told told[TARGETS_MAX];
};

static struct target targets[TARGETS_MAX];
static unsigned targets_n;
static struct game games[GAMES_MAX];
static unsigned parallel = 400, step_ms = 230, games_begun;

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void frame_send(const struct target *target, uint16_t kind, const uint8_t *payload,
		       size_t len)
{
	uint8_t frame[ETH_HLEN + PACKET_BYTES_MAX];

	memcpy(frame, target->peer, ETH_ALEN);
	memcpy(frame + ETH_ALEN, target->own, ETH_ALEN);
	frame[12] = (uint8_t)(kind >> 8);
	frame[13] = (uint8_t)kind;
	memcpy(frame + ETH_HLEN, payload, len);
	if (send(target->fd, frame, ETH_HLEN + len, 0) < 0)
		die(target->device);
}

static void arp_send(const struct target *target, uint16_t operation)
{
	struct ether_arp arp = {
		.ea_hdr = {htons(1), htons(ETHERTYPE_IP), ETH_ALEN, 4, htons(operation)}};
	uint32_t own = htonl(gateway);

	memcpy(arp.arp_sha, target->own, ETH_ALEN);
	memcpy(arp.arp_spa, &own, 4);
	memcpy(arp.arp_tha, target->peer, ETH_ALEN);
	memcpy(arp.arp_tpa, &target->address, 4);
	frame_send(target, ETHERTYPE_ARP, (const uint8_t *)&arp, sizeof(arp));
}

static void told_add(struct told *told, const char *text)
{
	int n = snprintf(told->text + told->n, TOLD_BYTES_MAX - told->n, "%s", text);

	told->n += (size_t)n;
	if (told->n >= TOLD_BYTES_MAX)
		told->n = TOLD_BYTES_MAX - 1;
}

/* What a target's stream stands at, before the next step or the end. */
static void stand_tell(struct game *game)
{
	char text[64];

	for (unsigned k = 0; k < targets_n; k++) {
		const struct run *run = &game->runs[k];

		snprintf(text, sizeof(text), "|%u/%u/%08x%s", run->sent_end - run->isn,
			 run->acked - game->sequence.isn, run->digest, run->gap ? "?" : "");
		told_add(&game->told[k], text);
	}
}

static void game_end(struct game *game)
{
	uint8_t packet[PACKET_BYTES_MAX];

	for (unsigned k = 0; k < targets_n; k++) {
		frame_send(&targets[k], ETHERTYPE_IP, packet, run_reset(&game->runs[k], packet));
		printf("%s %u%s\n", game->sequence.name, k, game->told[k].text);
	}
	game->busy = false;
}

static void game_step(struct game *game, uint64_t now)
{
	uint8_t packet[PACKET_BYTES_MAX];

	if (game->step > 0)
		stand_tell(game);
	if (game->step == game->sequence.steps_n) {
		game_end(game);
		return;
	}
	for (unsigned k = 0; k < targets_n; k++) {
		size_t len = run_packet(&game->runs[k], &game->sequence.steps[game->step],
					game->step, packet);

		told_add(&game->told[k], " ");
		frame_send(&targets[k], ETHERTYPE_IP, packet, len);
	}
	game->step++;
	game->sent_ms = now;
	game->next_ms = now + step_ms;
}

/* The address of a game's sequence, and its port, name the game and are never used again. */
static bool game_begin(struct game *game, uint64_t now)
{
	char line[LINE_BYTES_MAX];
	unsigned number = (unsigned)(game - games);
	struct in_addr from = {.s_addr = htonl(sources + number)};
	uint16_t port = (uint16_t)(PORT_FIRST + games_begun % (65536 - PORT_FIRST));

	if (fgets(line, sizeof(line), stdin) == NULL)
		return false;
	if (!sequence_read(line, &game->sequence)) {
		fprintf(stderr, "player: no sequence: %s\n", line);
		exit(2);
	}
	games_begun++;
	game->busy = true;
	game->step = 0;
	for (unsigned k = 0; k < targets_n; k++) {
		game->told[k].n = 0;
		game->told[k].text[0] = '\0';
		run_begin(&game->runs[k], &game->sequence, from, port, targets[k].address);
	}
	game_step(game, now);
	return true;
}

/* An IPv4 packet of target `k`. */
static void packet_take(unsigned k, const uint8_t *packet, size_t len)
{
	char text[TEXT_BYTES_MAX], when[16];
	size_t header = (packet[0] & 15U) * 4U, total = (size_t)(packet[2] << 8 | packet[3]);
	struct game *game;
	uint32_t to;
	uint16_t port;

	if (packet[9] != IPPROTO_TCP || total > len || header + 20 > total)
		return;
	memcpy(&to, packet + 16, 4);
	port = (uint16_t)(packet[header + 2] << 8 | packet[header + 3]);
	if (ntohl(to) - sources >= GAMES_MAX)
		return;
	game = &games[ntohl(to) - sources];
	if (!game->busy || game->runs[k].from_port != port ||
	    !run_answer(&game->runs[k], packet + header, total - header, text))
		return;
	snprintf(when, sizeof(when), "%lu~", now_ms() - game->sent_ms);
	told_add(&game->told[k], when);
	told_add(&game->told[k], text);
	told_add(&game->told[k], ";");
}

static void target_read(unsigned k)
{
	uint8_t frame[65536];
	ssize_t got;

	while ((got = recv(targets[k].fd, frame, sizeof(frame), MSG_DONTWAIT)) > 0) {
		if (got > ETH_HLEN + 20 && frame[12] == 8 && frame[13] == 0)
			packet_take(k, frame + ETH_HLEN, (size_t)got - ETH_HLEN);
		else if (got >= ETH_HLEN + 28 && frame[12] == 8 && frame[13] == 6) {
			memcpy(targets[k].peer, frame + ETH_ALEN, ETH_ALEN);
			if (frame[21] == ARPOP_REQUEST)
				arp_send(&targets[k], ARPOP_REPLY);
		}
	}
}

static void target_open(char *text)
{
	struct target *target = &targets[targets_n];
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int bytes = SOCKET_BYTES, yes = 1;
	struct ifreq request = {0};
	char *address = strchr(text, ',');

	if (targets_n == TARGETS_MAX || address == NULL ||
	    inet_aton(address + 1, &target->address) == 0)
		exit(2);
	*address = '\0';
	target->device = text;
	target->fd = socket(AF_PACKET, SOCK_RAW, 0);
	to.sll_ifindex = (int)if_nametoindex(text);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", text);
	if (target->fd < 0 || to.sll_ifindex == 0 ||
	    setsockopt(target->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0 ||
	    setsockopt(target->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof(yes)) != 0 ||
	    ioctl(target->fd, SIOCGIFHWADDR, &request) != 0 ||
	    bind(target->fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
		die(text);
	memcpy(target->own, request.ifr_hwaddr.sa_data, ETH_ALEN);
	memset(target->peer, 0xff, ETH_ALEN);
	targets_n++;
}

static void targets_wait(uint64_t ms)
{
	struct pollfd polled[TARGETS_MAX];

	for (unsigned k = 0; k < targets_n; k++)
		polled[k] = (struct pollfd){.fd = targets[k].fd, .events = POLLIN};
	poll(polled, targets_n, (int)ms);
	for (unsigned k = 0; k < targets_n; k++)
		target_read(k);
}

/* Until every target has told where it is. */
static void targets_find(void)
{
	static const uint8_t nobody[ETH_ALEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	uint64_t end_ms = now_ms() + 5000;

	for (unsigned k = 0; k < targets_n; k++)
		while (memcmp(targets[k].peer, nobody, ETH_ALEN) == 0) {
			if (now_ms() > end_ms) {
				fprintf(stderr, "player: %s is silent\n", targets[k].device);
				exit(1);
			}
			arp_send(&targets[k], ARPOP_REQUEST);
			targets_wait(50);
		}
}

/* All that is due. Returns how many games are under way. */
static unsigned games_go_on(uint64_t now, bool *more)
{
	static uint64_t begun_ms;
	unsigned busy = 0;

	for (unsigned k = 0; k < parallel; k++) {
		struct game *game = &games[k];

		if (game->busy && game->next_ms <= now)
			game_step(game, now);
		if (!game->busy && *more && now >= begun_ms + START_MS) {
			*more = game_begin(game, now);
			begun_ms = now;
		}
		busy += game->busy;
	}
	return busy;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"target", 1, NULL, 't'},
						{"parallel", 1, NULL, 'p'},
						{"step-ms", 1, NULL, 's'},
						{"first", 1, NULL, 'f'},
						{0}};
	bool more = true;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 't')
			target_open(optarg);
		else if (option == 'p')
			parallel = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 'f')
			games_begun = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 's')
			step_ms = (unsigned)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (targets_n == 0 || parallel == 0 || parallel > GAMES_MAX) {
		fputs("usage: player --target DEV,ADDRESS [...], see main.c\n", stderr);
		return 2;
	}
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
		die("prctl");
	targets_find();
	while (games_go_on(now_ms(), &more) > 0 || more)
		targets_wait(1);
	return 0;
}
