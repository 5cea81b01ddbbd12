/* How a database file is opened. */
#ifndef STORE_MODE_H
#define STORE_MODE_H

enum db_mode { DB_WRITE, DB_READ };

#endif
