-- Where owners want their servers, as their launch said it: JSON, for each later move. No row: anywhere.
CREATE TABLE server_wish (
    server_id {id} NOT NULL PRIMARY KEY,
    wish {text} NOT NULL
);
