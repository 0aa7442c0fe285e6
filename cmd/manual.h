#ifndef CMD_MANUAL_H
#define CMD_MANUAL_H

#include <stdio.h>

/* dray(1) as scdoc source, and the same as Markdown, from the commands' own tables. */
void manual_scdoc(FILE *);
void manual_markdown(FILE *);

/* The exit codes as help and manual print them; ends with a NULL text. */
struct exit_doc { int code; const char *text; };
extern const struct exit_doc exit_docs[];

#endif
