/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where libraries say what happened. Whoever creates an object hands it a log;
 * the library writes whole lines into it and never prints. Not for the hot road:
 * what happens per packet or per command is counted, not logged.
 */
#ifndef WIREMAP_LOG_H
#define WIREMAP_LOG_H

#include <stdarg.h>
#include <stdio.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum { LOG_LINE_BYTES_MAX = 1024 };

struct log {
	/* Takes one line without its newline, borrowed for the call. Any thread; must not block
	 * a dataplane core. */
	void (*write)(struct log *log, enum log_level level, const char *line);
	enum log_level level_max; /* lines above it are not formatted */
};

/* Formats one line, cut at LOG_LINE_BYTES_MAX, and writes it. `log` may be NULL: then nothing. */
__attribute__((format(printf, 3, 4))) static inline void log_line(struct log *log,
								  enum log_level level,
								  const char *format, ...)
{
	char line[LOG_LINE_BYTES_MAX];
	va_list args;

	if (log == NULL || level > log->level_max)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	log->write(log, level, line);
}

#endif
