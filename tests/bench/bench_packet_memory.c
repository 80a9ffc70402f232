/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packet memory, measured both ways (DESIGN.md section 6): (a) bytes in reference-counted blocks,
 * each frame a header mbuf and slices of them, the code of dataplane/tcp/send.c itself; (b) one
 * mbuf per frame, which holds header and payload and is kept until it is acknowledged.
 *
 * The model: connections take turns; each copies an answer out of a file in memory into
 * packet memory, makes its frames and gives them to a transmit queue, which frees a frame when
 * it comes round again; an answer is acknowledged when the next ones of its window were sent.
 *
 *     bench_packet_memory [EAL options]     e.g. --in-memory --no-pci -l 1, or --no-huge
 */
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "check.h"
#include "send.h"

enum {
	MSS = 1448,
	HEADER_BYTES = 32,
	ANSWER_BYTES = 12 * 1024,
	QUEUE = 1024, /* frames the port holds */
	CONNECTIONS = 64,
	WINDOW = 4,   /* answers of a connection on their way */
	ROUNDS = 400, /* of all connections, per run */
	RUNS = 5,
};

struct queue {
	struct rte_mbuf *frames[QUEUE];
	uint64_t sent;
};

struct file {
	const uint8_t *bytes;
	size_t len;
	uint64_t random;
};

/* Time that this thread has run: what else the machine does takes caches, but no time. */
static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A place in the file that holds an answer, as a mailbox's messages lie: anywhere. */
static const uint8_t *file_place(struct file *file)
{
	file->random = file->random * 6364136223846793005u + 1442695040888963407u;
	return file->bytes + (file->random >> 16) % (file->len - ANSWER_BYTES);
}

static void queue_put(struct queue *queue, struct rte_mbuf *frame)
{
	struct rte_mbuf **slot = &queue->frames[queue->sent++ % QUEUE];

	rte_pktmbuf_free(*slot);
	*slot = frame;
}

static void queue_clear(struct queue *queue)
{
	for (unsigned i = 0; i < QUEUE; i++) {
		rte_pktmbuf_free(queue->frames[i]);
		queue->frames[i] = NULL;
	}
}

static void header_write(struct rte_mbuf *frame, uint32_t seq)
{
	struct rte_tcp_hdr *header = rte_pktmbuf_mtod(frame, struct rte_tcp_hdr *);

	*header = (struct rte_tcp_hdr){.sent_seq = seq, .data_off = HEADER_BYTES / 4 << 4};
	memset(header + 1, 0, HEADER_BYTES - sizeof(*header));
}

/* (a) One answer through the blocks of a connection. */
static void blocks_answer(struct tcp *tcp, struct connection *c, struct file *file,
			  struct queue *queue)
{
	struct span body = {file_place(file), ANSWER_BYTES};
	struct writer writer;
	bool ready = tcp_send_ready(tcp, c);

	ASSERT(ready);
	tcp_send_begin(&writer, tcp, c, ANSWER_BYTES);
	ASSERT(stream_put(&writer.out, body) == ANSWER_BYTES);
	tcp_send_finish(&writer);
	while (c->snd_nxt != c->snd_end) {
		uint32_t left = c->snd_end - c->snd_nxt, len = left < MSS ? left : MSS;
		struct rte_mbuf *frame = rte_pktmbuf_alloc(tcp->headers);

		frame->data_len = HEADER_BYTES;
		frame->pkt_len = HEADER_BYTES;
		header_write(frame, c->snd_nxt);
		len = tcp_send_attach(tcp, c, frame, c->snd_nxt, len);
		ASSERT(len > 0);
		c->snd_nxt += len;
		queue_put(queue, frame);
	}
	if (c->snd_end - c->snd_una > (WINDOW - 1) * ANSWER_BYTES) {
		c->snd_una += ANSWER_BYTES;
		tcp_send_acked(tcp, c);
	}
}

/* Returns frames per second. */
static double blocks_run(struct tcp *tcp, struct file *file)
{
	static struct connection connections[CONNECTIONS];
	static struct queue queue;
	uint64_t start_ns, sent = queue.sent;
	double seconds;

	memset(connections, 0, sizeof(connections));
	start_ns = now_ns();
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < CONNECTIONS; i++)
			blocks_answer(tcp, &connections[i], file, &queue);
	seconds = (double)(now_ns() - start_ns) / 1e9;
	for (unsigned i = 0; i < CONNECTIONS; i++)
		tcp_send_clear(tcp, &connections[i]);
	sent = queue.sent - sent;
	queue_clear(&queue);
	return (double)sent / seconds;
}

enum { ANSWER_FRAMES = (ANSWER_BYTES + MSS - 1) / MSS };

struct flight { /* (b) what a connection keeps */
	struct rte_mbuf *frames[WINDOW][ANSWER_FRAMES];
	unsigned answers;
};

static void frames_answer(struct rte_mempool *pool, struct flight *flight, struct file *file,
			  struct queue *queue)
{
	struct rte_mbuf **kept = flight->frames[flight->answers++ % WINDOW];
	const uint8_t *body = file_place(file);
	uint32_t left = ANSWER_BYTES;

	/* The oldest answer of the window is acknowledged. */
	for (unsigned i = 0; i < ANSWER_FRAMES; i++)
		rte_pktmbuf_free(kept[i]);
	for (unsigned i = 0; i < ANSWER_FRAMES; i++) {
		uint32_t len = left < MSS ? left : MSS;
		struct rte_mbuf *frame = rte_pktmbuf_alloc(pool);

		ASSERT(frame != NULL);
		frame->data_len = (uint16_t)(HEADER_BYTES + len);
		frame->pkt_len = frame->data_len;
		memcpy(rte_pktmbuf_mtod_offset(frame, uint8_t *, HEADER_BYTES), body, len);
		header_write(frame, i);
		body += len;
		left -= len;
		rte_mbuf_refcnt_update(frame, 1);
		kept[i] = frame;
		queue_put(queue, frame);
	}
}

static double frames_run(struct rte_mempool *pool, struct file *file)
{
	static struct flight flights[CONNECTIONS];
	static struct queue queue;
	uint64_t start_ns, sent = queue.sent;
	double seconds;

	memset(flights, 0, sizeof(flights));
	start_ns = now_ns();
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < CONNECTIONS; i++)
			frames_answer(pool, &flights[i], file, &queue);
	seconds = (double)(now_ns() - start_ns) / 1e9;
	for (unsigned i = 0; i < CONNECTIONS; i++)
		for (unsigned k = 0; k < WINDOW * ANSWER_FRAMES; k++)
			rte_pktmbuf_free(flights[i].frames[k / ANSWER_FRAMES][k % ANSWER_FRAMES]);
	sent = queue.sent - sent;
	queue_clear(&queue);
	return (double)sent / seconds;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void compare(struct tcp *tcp, struct rte_mempool *pool, size_t file_bytes, const char *name)
{
	struct file file = {.len = file_bytes, .random = 1};
	double blocks[RUNS], frames[RUNS];
	void *map = mmap(NULL, file_bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	ASSERT(map != MAP_FAILED);
	memset(map, 'x', file_bytes);
	file.bytes = map;
	/* The ways alternate, so that what else the machine does hits both. */
	for (unsigned run = 0; run < RUNS; run++) {
		blocks[run] = blocks_run(tcp, &file);
		frames[run] = frames_run(pool, &file);
	}
	munmap(map, file_bytes);
	qsort(blocks, RUNS, sizeof(blocks[0]), by_value);
	qsort(frames, RUNS, sizeof(frames[0]), by_value);
	printf("%-12s (a) blocks %5.2f (%.2f-%.2f) Mpps  (b) mbuf per frame %5.2f (%.2f-%.2f) Mpps"
	       "  a/b %.2f\n",
	       name, blocks[RUNS / 2] / 1e6, blocks[0] / 1e6, blocks[RUNS - 1] / 1e6,
	       frames[RUNS / 2] / 1e6, frames[0] / 1e6, frames[RUNS - 1] / 1e6,
	       blocks[RUNS / 2] / frames[RUNS / 2]);
}

int main(int argc, char **argv)
{
	static struct tcp_wire wire = {.segments_max = 8};
	static struct tcp_env env = {.wire = &wire};
	static struct tcp tcp = {
		.config = {.packet_memory_bytes = 16 << 20, .socket = -1, .name = "blocks"},
		.env = &env};
	const unsigned pools[] = {4095, 32767};

	if (rte_eal_init(argc, argv) < 0)
		return 1;
	ASSERT(tcp_send_create(&tcp) == 0);
	printf("%u connections, answers of %u bytes, %u of each in flight, MSS %u\n", CONNECTIONS,
	       ANSWER_BYTES, WINDOW, MSS);
	for (unsigned i = 0; i < 2; i++) {
		char name[32];
		struct rte_mempool *pool;

		snprintf(name, sizeof(name), "frames%u", pools[i]);
		pool = rte_pktmbuf_pool_create(name, pools[i], 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					       -1);
		ASSERT(pool != NULL);
		printf("pool of (b): %u mbufs\n", pools[i]);
		compare(&tcp, pool, 1 << 20, "hot, 1 MiB");
		compare(&tcp, pool, 1 << 30, "cold, 1 GiB");
		rte_mempool_free(pool);
	}
	return 0;
}
