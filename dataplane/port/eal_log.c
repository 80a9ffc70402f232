/* SPDX-License-Identifier: Apache-2.0 */
#include "eal_log.h"

#include <rte_log.h>
#include <string.h>

static struct {
	struct log *log;
	FILE *stream;
	size_t len; /* of `line` so far */
	char line[LOG_LINE_BYTES_MAX];
	char complaint[256];
} eal_log;

static enum log_level level_of(uint32_t level)
{
	if (level <= RTE_LOG_ERR)
		return LOG_LEVEL_ERROR;
	if (level == RTE_LOG_WARNING)
		return LOG_LEVEL_WARNING;
	return level <= RTE_LOG_INFO ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
}

static void line_end(void)
{
	const enum log_level level = level_of((uint32_t)rte_log_cur_msg_loglevel());

	eal_log.line[eal_log.len] = '\0';
	eal_log.len = 0;
	if (level <= LOG_LEVEL_WARNING)
		snprintf(eal_log.complaint, sizeof(eal_log.complaint), "%.255s", eal_log.line);
	log_line(eal_log.log, level, "%s", eal_log.line);
}

static ssize_t stream_write(void *cookie, const char *bytes, size_t n)
{
	(void)cookie;
	for (size_t k = 0; k < n; k++) {
		if (bytes[k] != '\n' && eal_log.len < sizeof(eal_log.line) - 1)
			eal_log.line[eal_log.len++] = bytes[k];
		else if (bytes[k] == '\n' && eal_log.len > 0)
			line_end();
	}
	return (ssize_t)n;
}

void eal_log_open(struct log *log)
{
	eal_log.log = log;
	if (eal_log.stream != NULL)
		return;
	eal_log.stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = stream_write});
	if (eal_log.stream == NULL)
		return;
	setvbuf(eal_log.stream, NULL, _IOLBF, LOG_LINE_BYTES_MAX);
	rte_openlog_stream(eal_log.stream);
}

void eal_log_close(void)
{
	eal_log.log = NULL;
}

void eal_log_forget(void)
{
	eal_log.complaint[0] = '\0';
}

const char *eal_log_complaint(void)
{
	return eal_log.complaint;
}
