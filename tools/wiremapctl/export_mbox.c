/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of mboxes: `a/b` in `a.sbd/b`, as Thunderbird has it, so that a mailbox may hold
 * messages and others. Every message begins with fields that Dovecot and mutt read, and one of ours
 * that ends them and says how many bytes of the file are the message, with its date and what else
 * an mbox cannot say (extras.h):
 *
 *	From MAILER-DAEMON Tue Nov 14 22:13:20 2023 +0000
 *	X-IMAPbase: UIDVALIDITY LASTUID KEYWORD ...	(before the first message)
 *	X-UID: 7
 *	Status: RO
 *	X-Status: AF
 *	X-Keywords: work
 *	X-Wiremap: 2048 utc=1700000000 zone=+0000
 *
 * Lines that begin with From after any number of > get one more (mboxrd).
 */
#include "export.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "extras.h"

enum { LEVEL_BYTES_MAX = 240 };

static const char below[] = ".sbd";

static bool ends_in(struct span name, const char *end)
{
	struct span wanted = span_of(end);

	return name.len >= wanted.len &&
	       span_eq(span_cut(name, name.len - wanted.len, wanted.len), wanted);
}

static int levels_append(struct buffer *to, struct span name)
{
	int status = 0;

	while (name.len > 0) {
		const uint8_t *end = memchr(name.ptr, STORE_SEPARATOR, name.len);
		size_t len = end != NULL ? (size_t)(end - name.ptr) : name.len, before = to->len;
		struct span level = span_cut(name, 0, len);

		status = export_level(to, level, STORE_SEPARATOR);
		if (status == 0 && (to->len - before > LEVEL_BYTES_MAX || ends_in(level, below) ||
				    ends_in(level, ".msf")))
			status = -EINVAL;
		if (status != 0)
			return status;
		if (end != NULL &&
		    (!buffer_append(to, below, sizeof(below) - 1) || !buffer_append(to, "/", 1)))
			return -ENOMEM;
		name = span_cut(name, end != NULL ? len + 1 : len, name.len);
	}
	return 0;
}

static int place(struct export *export, char **place_r)
{
	struct buffer path = {0};
	char placeholder[64];
	int status = levels_append(&path, export->info.name);

	if (status == -EINVAL) {
		snprintf(placeholder, sizeof(placeholder), "%s%u", FOLDERS_PLACEHOLDER,
			 export->number);
		*place_r = strdup(placeholder);
	} else if (status == 0) {
		*place_r = buffer_append(&path, "", 1) ? strdup((const char *)path.bytes) : NULL;
	}
	buffer_free(&path);
	if (status == -ENOMEM || *place_r == NULL)
		return -ENOMEM;
	return 0;
}

static int begin(struct export *export)
{
	/* Those that a mailbox hangs under; another may have made them. */
	for (char *slash = strchr(export->place, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		int status;

		*slash = '\0';
		status = mkdirat(export->target.directory, export->place, 0700);
		*slash = '/';
		if (status != 0 && errno != EEXIST)
			return -errno;
	}
	export->file = openat(export->target.directory, export->place,
			      O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return export->file >= 0 ? 0 : -errno;
}

/* --- A message --- */

__attribute__((format(printf, 2, 3))) static bool text_append(struct buffer *text,
							      const char *format, ...)
{
	char line[128];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	return buffer_append(text, line, (size_t)n);
}

/* In the message's own zone; a year an mbox cannot say is in our field. */
static bool from_append(struct buffer *text, struct store_date date)
{
	time_t local = (time_t)(date.utc_s + date.zone_min * 60);
	int minutes = abs(date.zone_min);
	char when[64];
	struct tm tm;

	if (date.utc_s < 0 || date.utc_s > INT64_C(253402300799) - 86400 * 5)
		local = 0;
	if (gmtime_r(&local, &tm) == NULL ||
	    strftime(when, sizeof(when), "%a %b %e %H:%M:%S %Y", &tm) == 0)
		return false;
	return text_append(text, "From MAILER-DAEMON %s %c%02d%02d\n", when,
			   date.zone_min < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

/* Names of the keywords whose bits are set, each with a space before it. */
static bool keywords_append(struct buffer *text, const struct store_view *view,
			    const uint64_t bits[2])
{
	for (unsigned k = 0; k < store_view_keyword_count(view); k++) {
		struct span name = store_view_keyword(view, k);

		if ((bits[k / 64] >> (k % 64) & 1) != 0 && name.len > 0 &&
		    (!buffer_append(text, " ", 1) || !buffer_append(text, name.ptr, name.len)))
			return false;
	}
	return true;
}

static bool fields_append(struct export *export, const struct extras *extras, size_t length)
{
	static const uint64_t all[2] = {UINT64_MAX, UINT64_MAX};
	const struct store_mailbox_info *info = &export->info;
	struct buffer *text = &export->text;
	struct store_flags flags;

	store_view_flags(export->view, export->index, &flags);
	if (export->index == 0 &&
	    (!text_append(text, "X-IMAPbase: %u %u", info->uidvalidity, info->uidnext - 1) ||
	     !keywords_append(text, export->view, all) || !buffer_append(text, "\n", 1)))
		return false;
	if (!text_append(text, "X-UID: %u\nStatus: %sO\nX-Status: %s%s%s%s\nX-Keywords:",
			 store_view_uid(export->view, export->index),
			 (flags.system & STORE_SEEN) != 0 ? "R" : "",
			 (flags.system & STORE_ANSWERED) != 0 ? "A" : "",
			 (flags.system & STORE_DELETED) != 0 ? "D" : "",
			 (flags.system & STORE_FLAGGED) != 0 ? "F" : "",
			 (flags.system & STORE_DRAFT) != 0 ? "T" : "") ||
	    !keywords_append(text, export->view, flags.keywords))
		return false;
	return text_append(text, "\n%s %zu", EXTRAS_FIELD, length) && extras_append(text, extras) &&
	       buffer_append(text, "\n", 1);
}

static bool quoted_append(struct buffer *to, struct span bytes)
{
	while (bytes.len > 0) {
		const uint8_t *lf = memchr(bytes.ptr, '\n', bytes.len);
		size_t len = lf != NULL ? (size_t)(lf - bytes.ptr) + 1 : bytes.len;

		if ((extras_from_line(span_cut(bytes, 0, len)) && !buffer_append(to, ">", 1)) ||
		    !buffer_append(to, bytes.ptr, len))
			return false;
		bytes = span_cut(bytes, len, bytes.len);
	}
	return true;
}

static int text_write(int file, struct span text)
{
	while (text.len > 0) {
		ssize_t n = write(file, text.ptr, text.len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			text = span_cut(text, (size_t)n, text.len);
	}
	return 0;
}

static int message(struct export *export)
{
	struct extras extras = {
		.date = store_view_date(export->view, export->index),
		.dated = true,
		.zoned = true,
	};
	struct buffer *text = &export->text;
	struct span bytes;
	int status;

	text->len = export->lists.len = 0;
	if (!extras_lines(export->message, &export->lines, &bytes, &extras.verbatim) ||
	    !quoted_append(&export->lists, bytes) || !from_append(text, extras.date) ||
	    !fields_append(export, &extras, export->lists.len))
		return -ENOMEM;
	status = text_write(export->file, buffer_span(text));
	if (status == 0)
		status = text_write(export->file, buffer_span(&export->lists));
	if (status == 0)
		status = text_write(
			export->file,
			span_of(bytes.len > 0 && bytes.ptr[bytes.len - 1] == '\n' ? "\n" : "\n\n"));
	return status;
}

static int end(struct export *export)
{
	int status = close(export->file) == 0 ? 0 : -errno;

	export->file = -1;
	return status;
}

static int finish(struct export *export)
{
	struct folders_line line;
	size_t at = 0;

	export->text.len = 0;
	while (folders_written(&export->folders, &at, &line))
		if ((line.attributes & STORE_SUBSCRIBED) != 0 &&
		    !span_eq(line.place, span_of("-")) &&
		    (!buffer_append(&export->text, line.place.ptr, line.place.len) ||
		     !buffer_append(&export->text, "\n", 1)))
			return -ENOMEM;
	return target_file(&export->target, ".subscriptions", buffer_span(&export->text), NULL);
}

const struct export_form export_mbox_form = {
	.place = place,
	.begin = begin,
	.message = message,
	.end = end,
	.finish = finish,
};
