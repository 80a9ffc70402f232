/* SPDX-License-Identifier: Apache-2.0 */
/* The file whose bytes are sent, mapped. */
#ifndef STREAMD_FILE_H
#define STREAMD_FILE_H

#include "span.h"

/* Maps `path` and reads it in; NULL: 1 MiB of the printable characters in turn. 0 or -errno. */
int file_map(const char *path, struct span *file_r);
void file_unmap(struct span *file);

#endif
