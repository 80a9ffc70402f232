/* SPDX-License-Identifier: Apache-2.0 */
#include "veil.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

/* Finds the maps anew. Read-only ones alone: the store writes through none. */
static void maps_find(struct veil *veil)
{
	FILE *file = fopen("/proc/self/maps", "re");
	char line[512];

	ASSERT(file != NULL);
	veil->maps_n = 0;
	while (fgets(line, sizeof(line), file) != NULL) {
		unsigned long start, end;
		char mode[5];

		if (strstr(line, veil->directory) == NULL ||
		    sscanf(line, "%lx-%lx %4s", &start, &end, mode) != 3 || mode[1] != '-')
			continue;
		ASSERT(veil->maps_n < VEIL_MAPS_MAX);
		veil->maps[veil->maps_n].start = (void *)start;
		veil->maps[veil->maps_n++].len = end - start;
	}
	fclose(file);
}

static void maps_protect(const struct veil *veil, int protection)
{
	for (unsigned i = 0; i < veil->maps_n; i++) {
		int status = mprotect(veil->maps[i].start, veil->maps[i].len, protection);

		ASSERT(status == 0 || errno == ENOMEM); /* unmapped since */
	}
}

void veil_lift(struct veil *veil)
{
	maps_protect(veil, PROT_READ);
}

void veil_draw(struct veil *veil)
{
	maps_find(veil);
	maps_protect(veil, PROT_NONE);
	veil->drawn += veil->maps_n;
}

/* Inside of a session's calls nothing is mapped: a core makes no system call. */
static void draw_again(struct veil *veil)
{
	maps_protect(veil, PROT_NONE);
	veil->drawn += veil->maps_n;
}

static struct veil_session *session_of(struct stream_session *session)
{
	return (struct veil_session *)session;
}

static struct veil *veil_of(struct stream_transport *transport)
{
	return (struct veil *)((uint8_t *)transport - offsetof(struct veil, transport));
}

static void veil_wake(struct stream_transport *transport, struct stream_ref ref)
{
	struct veil *veil = veil_of(transport);

	veil->real->ops->wake(veil->real, ref);
}

static void veil_timer(struct stream_transport *transport, struct stream_ref ref, uint32_t ms)
{
	struct veil *veil = veil_of(transport);

	veil->real->ops->timer(veil->real, ref, ms);
}

static void veil_abort(struct stream_transport *transport, struct stream_ref ref)
{
	struct veil *veil = veil_of(transport);

	veil->real->ops->abort(veil->real, ref);
}

static struct stream_session *veil_find(struct stream_transport *transport, struct stream_ref ref)
{
	struct veil *veil = veil_of(transport);
	struct stream_session *session = veil->real->ops->find(veil->real, ref);

	return session == NULL ? NULL : session_of(session)->inner;
}

static const struct stream_transport_ops transport_ops = {veil_wake, veil_timer, veil_abort,
							  veil_find};

static int veil_open(struct stream_app *app, struct stream_transport *transport,
		     struct stream_ref ref, const struct stream_info *info,
		     struct stream_session **session_r)
{
	struct veil *veil = (struct veil *)app;
	int status;

	for (unsigned i = 0; i < VEIL_SESSIONS_MAX; i++) {
		struct veil_session *session = &veil->sessions[i];

		if (session->inner != NULL)
			continue;
		veil->real = transport;
		veil_lift(veil);
		status = veil->inner->ops->open(veil->inner, &veil->transport, ref, info,
						&session->inner);
		draw_again(veil);
		session->base.ops = app->ops;
		session->veil = veil;
		*session_r = &session->base;
		return status;
	}
	return -ENOSPC;
}

static size_t veil_consume(struct stream_session *base, const struct span *in, unsigned in_n)
{
	struct veil_session *session = session_of(base);
	size_t taken;

	veil_lift(session->veil);
	taken = session->inner->ops->consume(session->inner, in, in_n);
	draw_again(session->veil);
	return taken;
}

static struct stream_verdict veil_produce(struct stream_session *base, struct stream_out *out,
					  const struct stream_budget *budget)
{
	struct veil_session *session = session_of(base);
	struct stream_verdict verdict;

	veil_lift(session->veil);
	verdict = session->inner->ops->produce(session->inner, out, budget);
	draw_again(session->veil);
	return verdict;
}

static void veil_expire(struct stream_session *base)
{
	struct veil_session *session = session_of(base);

	veil_lift(session->veil);
	session->inner->ops->expire(session->inner);
	draw_again(session->veil);
}

static void veil_drain(struct stream_session *base)
{
	struct veil_session *session = session_of(base);

	veil_lift(session->veil);
	session->inner->ops->drain(session->inner);
	draw_again(session->veil);
}

static void veil_end(struct stream_session *base)
{
	struct veil_session *session = session_of(base);

	veil_lift(session->veil);
	session->inner->ops->end(session->inner);
	draw_again(session->veil);
}

static void veil_closed(struct stream_session **base, enum stream_reason reason)
{
	struct veil_session *session = session_of(*base);

	veil_lift(session->veil);
	session->inner->ops->closed(&session->inner, reason);
	draw_again(session->veil);
	session->inner = NULL;
	*base = NULL;
}

void veil_create(struct veil *veil, struct stream_app *inner, const char *directory)
{
	static const struct stream_app_ops ops = {.open = veil_open,
						  .consume = veil_consume,
						  .produce = veil_produce,
						  .expire = veil_expire,
						  .drain = veil_drain,
						  .end = veil_end,
						  .closed = veil_closed};

	*veil = (struct veil){.app.ops = &ops,
			      .inner = inner,
			      .transport.ops = &transport_ops,
			      .directory = directory};
	veil_draw(veil);
}

bool veil_holds(const struct veil *veil)
{
	volatile const uint8_t *hidden = veil->maps[0].start;
	int status = 0;
	pid_t child;

	if (veil->maps_n == 0)
		return false;
	child = fork();
	if (child == 0) {
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
		(void)*hidden;
		_exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child &&
	       !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
