#ifndef EXECUTORS_FRAME_H
#define EXECUTORS_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/str.h"

/*
 * Reads the answers of a node's shell loop from its byte stream. Pure: bytes in, frames out.
 * shell.sh documents the format. Every frame starts with the nonce; every other line is noise
 * and dropped. Memory is bounded by the FRAME_MAX values.
 */
enum {
	FRAME_NONCE = 32,                       /* hex digits */
	FRAME_MAX_LINE = 64 * 1024,             /* a longer line is dropped */
	FRAME_MAX_BODY = 8 * 1024 * 1024,       /* of stdout, and of stderr */
	FRAME_MAX_NOISE = 4 * 1024 * 1024,      /* before a frame */
};

enum frame_type { FRAME_HELLO, FRAME_START, FRAME_SAY, FRAME_END, FRAME_LOST };

/* The pointers are valid until the next call with the same reader. */
struct frame {
	enum frame_type type;
	unsigned long id;               /* of the request; 0 in a hello */
	long pid;                       /* start: the process group */
	int status;                     /* end: 0..255 */
	const char *text;               /* say: one line, ends with a NUL */
	const char *out, *err;          /* end */
	size_t nout, nerr;
	bool out_cut, err_cut;          /* there was more, which the node did not send */
};

struct frame_reader {
	char nonce[FRAME_NONCE + 1];
	struct str buf;
	size_t at;                      /* bytes of buf that were read */
	size_t noise;                   /* bytes dropped since the last frame */
	bool hello;                     /* the first frame was seen */
	bool skipping;                  /* inside a line that is too long */
	const char *broken;             /* why nothing more will be read, or NULL */
	struct frame pending;           /* an end frame that waits for its body */
	bool has_pending;
};

void frame_init(struct frame_reader *, const char *nonce);
void frame_release(struct frame_reader *);
void frame_feed(struct frame_reader *, const char *, size_t);
/* The next complete frame; false: more bytes are needed, or the stream is broken. */
bool frame_next(struct frame_reader *, struct frame *);

#endif
