//! Who waits for the writer, and is let go.

use std::time::Duration;

use crate::recorder::Rotate;

use super::*;

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_waited_for_is_in_the_file() {
    for tasks in [1, 16] {
        let place = Arc::new(Place::new());
        let recorder = place.start(settings()).unwrap();
        pass(&place, &recorder, tasks, 10).await;
        let summary = recorder.close().await;
        assert!(summary.is_whole(), "{summary}");
        let loaded = place.load();
        assert_eq!(loaded.notices, []);
        assert_eq!(loaded.tape.operations().count(), tasks * 10);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_waits_for_any_more_is_written_too() {
    let place = Place::new();
    let recorder = place.start(settings()).unwrap();
    drop(answer(begin(&recorder, "/1"), "x"));
    while recorder.progress().disk.events == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(targets(&place.load().tape), ["/1"]);
    assert!(recorder.close().await.is_whole());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn segments_are_turned_while_others_pass() {
    let place = Arc::new(Place::new());
    let mut settings = settings();
    settings.rotation.rotate = Rotate::Bytes(2048);
    let recorder = place.start(settings).unwrap();
    pass(&place, &recorder, 8, 5).await;
    assert!(recorder.close().await.is_whole());
    assert_eq!(place.load().tape.operations().count(), 40);
    let files = fs::read_dir(place.folder.path()).unwrap().count();
    assert!(files > 2, "{files}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_wait_nobody_is_forgotten() {
    let place = Place::new();
    let recorder = place.start(settings()).unwrap();
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
}
