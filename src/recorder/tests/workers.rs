//! A writer among the tasks that carry the traffic.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::recorder::Rotate;

use super::*;

fn workers() -> Runtime {
    let mut runtime = Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap()
}

/// A recorder whose writer works among the tasks of this runtime.
fn start(place: &Place, settings: Settings) -> Recorder {
    let workers = Some(Handle::current());
    place
        .start(Settings {
            workers,
            ..settings
        })
        .unwrap()
}

/// Passes exchanges in so many tasks at once, and looks for each in the file when it may end.
async fn pass(place: &Arc<Place>, recorder: &Recorder, tasks: usize, each: usize) {
    let passing = (0..tasks).map(|task| {
        let (place, recorder) = (Arc::clone(place), recorder.clone());
        tokio::spawn(async move {
            for number in 0..each {
                let target = format!("/{task}-{number}");
                answer(begin(&recorder, &target), "x").await;
                let loaded = place.load();
                assert!(targets(&loaded.tape).contains(&target.as_str()), "{target}");
            }
        })
    });
    for passed in passing.collect::<Vec<_>>() {
        passed.await.unwrap();
    }
}

#[test]
fn what_a_client_waited_for_is_in_the_file() {
    workers().block_on(async {
        for tasks in [1, 16] {
            let place = Arc::new(Place::new());
            let recorder = start(&place, settings());
            pass(&place, &recorder, tasks, 10).await;
            let summary = recorder.close().await;
            assert!(summary.is_whole(), "{summary}");
            let loaded = place.load();
            assert_eq!(loaded.notices, []);
            assert_eq!(loaded.tape.operations().count(), tasks * 10);
        }
    });
}

#[test]
fn what_nobody_waits_for_any_more_is_written_too() {
    workers().block_on(async {
        let place = Place::new();
        let recorder = start(&place, settings());
        drop(answer(begin(&recorder, "/1"), "x"));
        while recorder.progress().disk.events == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(targets(&place.load().tape), ["/1"]);
        assert!(recorder.close().await.is_whole());
    });
}

#[test]
fn one_calls_for_all_who_wait_even_if_he_goes_before() {
    workers().block_on(async {
        let place = Place::new();
        let recorder = start(&place, settings());
        let about_to_call = || recorder.0.about_to_call.load(Ordering::Relaxed);
        let _under_way = begin(&recorder, "/under-way");
        let mut first = answer(begin(&recorder, "/1"), "x");
        let mut second = answer(begin(&recorder, "/2"), "x");
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(Pin::new(&mut first).poll(&mut context), Poll::Pending);
        assert_eq!(Pin::new(&mut second).poll(&mut context), Poll::Pending);
        assert!(about_to_call());
        drop(first);
        assert!(!about_to_call());
        second.await;
        assert_eq!(targets(&place.load().tape), ["/1", "/2"]);
        assert!(!about_to_call());
    });
}

#[test]
fn segments_are_turned_while_others_pass() {
    workers().block_on(async {
        let place = Arc::new(Place::new());
        let mut settings = settings();
        settings.rotation.rotate = Rotate::Bytes(2048);
        let recorder = start(&place, settings);
        pass(&place, &recorder, 8, 5).await;
        assert!(recorder.close().await.is_whole());
        assert_eq!(place.load().tape.operations().count(), 40);
        let files = fs::read_dir(place.folder.path()).unwrap().count();
        assert!(files > 2, "{files}");
    });
}

#[test]
fn whoever_waits_writes_for_all_and_nobody_is_forgotten() {
    workers().block_on(async {
        let place = Place::new();
        let recorder = start(&place, settings());
        let passing = (0..32).map(|task| {
            let recorder = recorder.clone();
            tokio::spawn(async move {
                for number in 0..100 {
                    let target = format!("/{task}-{number}");
                    answer(begin(&recorder, &target), "x").await;
                }
            })
        });
        for passed in passing.collect::<Vec<_>>() {
            passed.await.unwrap();
        }
        assert_eq!(recorder.progress().waiting_items, 0);
        let summary = recorder.close().await;
        assert!(summary.is_whole(), "{summary}");
        assert_eq!(place.load().tape.operations().count(), 3_200);
    });
}

#[test]
fn nobody_waits_for_a_writer_that_never_began() {
    let place = Place::new();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let recorder = {
        let _entered = runtime.enter();
        start(&place, settings())
    };
    let mut written = answer(begin(&recorder, "/1"), "x");
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(Pin::new(&mut written).poll(&mut context), Poll::Pending);
    drop(runtime); // which has never come to the writer
    assert_eq!(Pin::new(&mut written).poll(&mut context), Poll::Ready(()));
}
