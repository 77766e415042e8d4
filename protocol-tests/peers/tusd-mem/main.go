// tusd's handler and file store with its locks in memory and without logs: what tusd can reach on one machine at
// best. The released program locks with files.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/tus/tusd/v2/pkg/filestore"
	tusd "github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"
	"golang.org/x/exp/slog"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: tusd-mem ADDRESS FOLDER")
	}
	if err := os.MkdirAll(os.Args[2], 0o755); err != nil {
		log.Fatal(err)
	}
	composer := tusd.NewStoreComposer()
	filestore.New(os.Args[2]).UseIn(composer)
	memorylocker.New().UseIn(composer)
	handler, err := tusd.NewHandler(tusd.Config{
		BasePath:      "/files/",
		StoreComposer: composer,
		Logger:        slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/files/", http.StripPrefix("/files/", handler))
	http.Handle("/files", http.StripPrefix("/files", handler))
	fmt.Printf("listening on http://%s/files/\n", listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}
