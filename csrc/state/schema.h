/* The tables of a Moonvat database, as SQL, and the numbers by which a file is known as one. */
#ifndef STATE_SCHEMA_H
#define STATE_SCHEMA_H

#define SCHEMA_APPLICATION_ID 0x6d6f6f6e /* "moon" */
#define SCHEMA_VERSION 2

/* The statements that take a database from version n to n + 1; n counts from 0. */
extern const char *const schema_migrations[SCHEMA_VERSION];

#endif
