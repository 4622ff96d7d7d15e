//! What TCP and local streams have in common, written once.

/// Reading and writing of a stream type and its two halves: every method is the system's behind one branch.
macro_rules! stream {
    (reader $reader:ident) => {
        impl $reader {
            /// Waits until reading may give something: data, the end, or an error. May be wrong; then `try_read`
            /// says `WouldBlock`.
            ///
            /// # Errors
            /// None on a healthy runtime.
            ///
            /// # Cancel safety
            /// Nothing is lost.
            pub async fn readable(&self) -> io::Result<()> {
                on_backend!(&self.inner,
                    stream => stream.readable().await,
                    native => Ok(native.socket().ready(fairway_native::Interest::Read).await?),
                )
            }

            /// Reads what is there now into `buf`; 0 is the end of the stream (or an empty `buf`). Give more room than
            /// is expected: getting less than the room tells, without a further system call, that nothing is left.
            ///
            /// # Errors
            /// `WouldBlock` if nothing is there.
            pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
                on_backend!(&self.inner,
                    stream => crate::system::stream::try_read(stream, buf),
                    native => native.socket().try_read(buf),
                )
            }

            /// [`try_read`](Self::try_read) into several buffers.
            ///
            /// # Errors
            /// `WouldBlock` if nothing is there.
            pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                on_backend!(&self.inner,
                    stream => crate::system::stream::try_read_vectored(stream, bufs),
                    native => native.socket().try_read_vectored(bufs),
                )
            }

            /// [`try_read`](Self::try_read) to the end of `buf`, which advances.
            ///
            /// # Errors
            /// `WouldBlock` if nothing is there.
            pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
                on_backend!(&self.inner,
                    stream => {
                        let wanted = buf.chunk_mut().len();
                        crate::system::stream::try_read_buf(stream, wanted, || stream.try_read_buf(buf))
                    },
                    native => native.socket().try_read_buf(buf),
                )
            }
        }

        impl AsyncRead for $reader {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                on_backend!(&mut self.get_mut().inner,
                    stream => Pin::new(stream).poll_read(cx, buf),
                    native => native.socket().poll_read(cx, buf),
                )
            }
        }
    };
    (writer $writer:ident) => {
        impl $writer {
            /// Waits until writing may take something. May be wrong; then `try_write` says `WouldBlock`.
            ///
            /// # Errors
            /// None on a healthy runtime.
            ///
            /// # Cancel safety
            /// Nothing is lost.
            pub async fn writable(&self) -> io::Result<()> {
                on_backend!(&self.inner,
                    stream => stream.writable().await,
                    native => Ok(native.socket().ready(fairway_native::Interest::Write).await?),
                )
            }

            /// Writes what fits now; the number of octets taken may be less than offered (SND-2).
            ///
            /// # Errors
            /// `WouldBlock` if nothing fits.
            pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
                on_backend!(&self.inner,
                    stream => crate::system::stream::try_write(stream, buf),
                    native => native.socket().try_write(buf),
                )
            }

            /// [`try_write`](Self::try_write) from several buffers, in one system call.
            ///
            /// # Errors
            /// `WouldBlock` if nothing fits.
            pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                on_backend!(&self.inner,
                    stream => crate::system::stream::try_write_vectored(stream, bufs),
                    native => native.socket().try_write_vectored(bufs),
                )
            }
        }

        impl AsyncWrite for $writer {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                on_backend!(&mut self.get_mut().inner,
                    stream => Pin::new(stream).poll_write(cx, buf),
                    native => native.socket().poll_write(cx, buf),
                )
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                on_backend!(&mut self.get_mut().inner,
                    stream => Pin::new(stream).poll_write_vectored(cx, bufs),
                    native => native.socket().poll_write_vectored(cx, bufs, fairway_native::tcp::SendFlags::default()).map_err(io::Error::from),
                )
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                on_backend!(&mut self.get_mut().inner,
                    stream => Pin::new(stream).poll_flush(cx),
                    _native => Poll::Ready(Ok(())),
                )
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                on_backend!(&mut self.get_mut().inner,
                    stream => Pin::new(stream).poll_shutdown(cx),
                    native => Poll::Ready(Ok(native.socket().shutdown(Shutdown::Write)?)),
                )
            }
        }
    };
    (whole $stream:ident) => {
        stream!(reader $stream);
        stream!(writer $stream);

        impl $stream {
            /// [`readable`](Self::readable) for hand-written futures. Remembers one waker.
            ///
            /// # Errors
            /// None on a healthy runtime.
            pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                on_backend!(&self.inner,
                    stream => stream.poll_read_ready(cx),
                    native => native.socket().poll_ready(cx, fairway_native::Interest::Read).map_err(io::Error::from),
                )
            }

            /// [`writable`](Self::writable) for hand-written futures. Remembers one waker.
            ///
            /// # Errors
            /// None on a healthy runtime.
            pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                on_backend!(&self.inner,
                    stream => stream.poll_write_ready(cx),
                    native => native.socket().poll_ready(cx, fairway_native::Interest::Write).map_err(io::Error::from),
                )
            }

            /// Ends one direction or both, at once and without waiting (SHD-1).
            ///
            /// # Errors
            /// [`NetError::NotConn`] if the connection is gone.
            pub fn shutdown(&self, how: Shutdown) -> Result<(), NetError> {
                on_backend!(&self.inner,
                    stream => Ok(socket2::SockRef::from(stream).shutdown(how)?),
                    native => native.socket().shutdown(how),
                )
            }
        }
    };
}
